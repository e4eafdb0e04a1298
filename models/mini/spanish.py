"""Spanish for the tiny model: phrases of a contact center, espeak-ng's Castilian and Latin American voices, their phones.

Customers are addressed as *usted*, so that the phrases do for either side of the ocean. No word is written in two ways that sound
alike, but for *esta* and *está*, *que* and *qué* and their like, which their neighbours tell apart. flite has no Spanish.
"""

from collections.abc import Iterable

from models.mini import tts
from models.mini.language import ESPEAK_VARIANTS, Language
from models.mini.phrases import Grammar, alternatives
from models.mini.tts import SILENCE, Phone, Voice

DIGITS = ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"]
TENS = ["diez", "once", "doce", "quince", "veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "noventa"]

_SLOTS = {
    "name": "ana|maría|juan|carlos|luis|sofía|david|elena|pedro|isabel|garcía|lópez|martínez|pérez|ruiz|wilson|smith",
    "day": "el lunes|el martes|el miércoles|el jueves|el viernes|el sábado|el domingo|hoy|mañana",
    "when": "ayer|anoche|esta mañana|la semana pasada|el mes pasado|hace dos días|hace tres semanas|hace una hora",
    "product": "{device}|internet|impresora|tarjeta|cuenta|línea|tableta|suscripción|servicio|pedido|paquete",
    "device": "teléfono|televisor|router|módem|equipo|programa",
    "issue": "no funciona|no enciende|va muy lento|se corta mucho|dejó de funcionar|todavía no llegó|nunca llegó|tiene un error"
    "|llegó con un golpe",
    "thing": "factura|pago|reembolso|cuenta|pedido|suscripción|contrato|contraseña|dirección|correo|entrega|cita|queja|descuento"
    "|garantía|saldo|plan",
    "verb": "revisar|cambiar|actualizar|cancelar|confirmar|verificar|consultar",
    "dept": "facturación|ventas|soporte técnico|atención al cliente|mi supervisor|un gerente|el equipo de envíos",
    "emo": "muy molesto|muy molesta|muy contento|muy contenta|un poco confundido|un poco confundida|preocupado|preocupada"
    "|satisfecho|satisfecha",
    "adj": "excelente|terrible|horrible|increíble|inaceptable|ridículo|perfecto|maravilloso|genial",
    "money": "diez dólares|veinte dólares|cincuenta dólares|cien dólares|doscientos dólares|quince euros|noventa y nueve euros"
    "|treinta y cinco euros",
    "num3": "{d} {d} {d}",
    "num4": "{d} {d} {d} {d}",
    "num6": "{d} {d} {d} {d} {d} {d}",
    "time": "a las nueve de la mañana|a las diez de la mañana|a las dos de la tarde|a las cuatro de la tarde|al mediodía"
    "|a las seis de la tarde|a las tres y media",
    "dur": "cinco minutos|diez minutos|dos horas|tres días|una semana|unos segundos|un momento|veinticuatro horas",
    "tongue": "inglés|español",
}
_TEMPLATES = """
hola
hola gracias por llamar
gracias por llamar a {dept} mi nombre es {name}
buenos días en qué puedo ayudarle
buenas tardes le atiende {name}
buenas tardes habla {name} en qué puedo ayudarle
hola llamo por mi {product}
llamo por mi {thing}
quiero {verb} mi {thing}
quisiera {verb} mi {thing} por favor
me puede ayudar a {verb} mi {thing}
me dice su nombre por favor
me dice su número de cuenta por favor
mi número de cuenta es {num6}
mi número de pedido es {num4}
el número de referencia es {num3}
mi número de teléfono es {num6}
me llamo {name}
mi nombre es {name}
mi {product} {issue}
mi {product} {issue} desde {day}
compré un {device} {when} y {issue}
tengo un problema con mi {product}
me cobraron {money} dos veces
hay un cargo de {money} en mi {thing}
quiero un reembolso
quiero que me devuelvan el dinero
necesito un reembolso de {money}
por qué es tan alta mi factura este mes
su servicio es {adj}
esto es {adj}
eso es {adj} gracias
estoy {emo} con su servicio
estoy {emo} por esto
quiero hablar con {dept}
le paso con {dept}
por favor páseme con {dept}
déjeme revisar eso
espere {dur} por favor
no cuelgue por favor
un momento por favor
le mando un correo
le mandamos un {device} nuevo {day} por la mañana
le llamo {day} {time}
su cita es {day} {time}
su {thing} llega {day}
su {thing} ya está al día
su reembolso tarda {dur}
entiendo y lo siento mucho
lo siento mucho
disculpe la demora
puedo ayudarle en algo más
no eso es todo gracias
no eso es todo muchas gracias
sí por favor
sí claro
sí claro dígame por favor
sí eso es correcto
no eso no es correcto
no gracias
okay
okay muchas gracias
muy bien
muy bien muchas gracias
muchas gracias adiós
gracias por llamar que tenga un buen día
que tenga un buen día
que tenga buenas tardes
llevo {dur} en espera
llevo {dur} esperando
quiero cancelar mi {product} porque {issue}
quiero cerrar mi cuenta
voy a cancelar y a cambiar de compañía
no vuelvo a usar su servicio
me puede dar un descuento en mi {thing}
tienen ofertas para clientes nuevos
cuál es el precio del {device} nuevo
cuánto cuesta el {device} nuevo
cuesta {money} al mes
no cuesta nada
puede repetir eso por favor
cómo se escribe su nombre
no recibí mi {thing}
dónde está mi {thing}
cuándo llega mi {product}
ya reinició el {device}
apague el {device} y vuelva a encenderlo
escriba su contraseña por favor
olvidé mi contraseña
no puedo entrar en mi cuenta
no puedo llamar a nadie
la página no funciona
esta llamada puede ser grabada
por seguridad confirme su fecha de nacimiento
confirme su dirección y su número de teléfono
podemos continuar
no entiendo
perdone no hablo mucho {tongue}
podemos hablar en {tongue}
prefiero hablar en {tongue}
habla usted {tongue}
hablo un poco de {tongue}
le explico el problema
el técnico llega {day} {time}
sí el problema está resuelto
cómo califica nuestro servicio hoy
"""

VOICES = (
    *[Voice(engine="espeak", name="es")] * 4,
    *[Voice(engine="espeak", name="es-419")] * 4,
    *(Voice(engine="espeak", name=f"{name}+{variant}") for name in ("es", "es-419") for variant in ESPEAK_VARIANTS),
)
ACCENTS = {"castilian": Voice(engine="espeak", name="es"), "latin": Voice(engine="espeak", name="es-419")}

ALPHABET = (
    "a", "e", "i", "o", "u", "j", "w", "p", "t", "k", "b", "d", "g", "B", "D", "G",
    "f", "T", "s", "x", "tS", "J", "L", "m", "n", "N", "ny", "l", "r", "rr",
)  # fmt: skip
"""Close to SAMPA. T is the *c* of Castilian, B, D and G are the soft *b*, *d* and *g* between vowels, J and L are *y* and *ll*."""
_ESPEAK_BY_SOUND = {
    "e": "E",
    "j": ";",
    "G": "Q",
    "J": "J^ dZ",
    "L": "l^",
    "ny": "n^",
    "r": "** *",
    "rr": "R2",
    "s": "z",
    "a j": "aI",
    "e j": "eI",
    "o j": "oI",
    "a w": "aU",
    "e w": "eU",
    tts.NO_SOUND: "@-",
}
_ESPEAK = (
    {SILENCE: SILENCE}
    | {name: name for name in ALPHABET if len(name) == 1 or name == "tS"}
    | {name: sound for sound, names in _ESPEAK_BY_SOUND.items() for name in names.split()}
)


def accent(voice: Voice) -> str:
    """Which of the ACCENTS a voice speaks."""
    return "latin" if "419" in voice.name else "castilian"


def alphabet(phones: Iterable[Phone], voice: Voice) -> tuple[Phone, ...]:
    """Phones of espeak's Spanish voices under their names in the ALPHABET; what it calls diphthongs are two phones there."""
    return tts.renamed(phones, _ESPEAK)


SPANISH = Language(
    tag="es",
    grammar=Grammar(templates=_TEMPLATES.strip().split("\n"), slots=alternatives(_SLOTS) | {"d": DIGITS}, words=TENS),
    voices=VOICES,
    accents=ACCENTS,
    accent=accent,
    phones=alphabet,
)
