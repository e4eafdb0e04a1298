"""Word lists: common words of languages, by which a word's language is told (`word_languages.py`). Ours, at most 400 a language.

Frequent words come first: a word's place says how common it is, as in Zipf's law, and with that how much `to` is English rather
than Hindi where both have it. They are spelt as people type them, Hindi in Latin letters in its more usual spellings. What stands
in no list is told by its letters, which the same lists teach, by the endings below, and by the words around it.
"""

from types import MappingProxyType

_EN = """
the i to you and a it that is of for my in have this on me we can was with not do so be just your are okay but if what know yes
no get there like at they all or as from one will up about an let out would need right want call see how then go now had when
time because he did good here has been got well thank she them don't i'm it's that's could please more us any over who which
were think some him her our yeah sure help also only make said two say really back other than by where way day today these sorry
his give take look much why very even still down something new tell again before after their work am can't i'll i've didn't
doesn't should first last week next long money thing things put may does going trying calling looking getting paid pay number
name phone account anything nothing everything someone anyone never always maybe might must every each another off into through
until since while without between under same own too most many few little big old great bad best better different three four
five six seven eight nine zero ten hundred thousand hello hi goodbye bye thanks welcome sir madam problem question answer wait
minute moment second hour days weeks month months year years morning evening night yesterday tomorrow monday friday home house
car people man woman family friend company office service customer business card bank bill address check mean keep come came
find found show ask asked try used use send sent told talk talking speak hear heard understand believe remember happen happened
start started stop change changed open close closed move left leave bring buy bought cost free high low true wrong fine ready
able done being having making coming else ever already yet enough once twice almost around away together though actually exactly
probably definitely whatever whether either both such those won't isn't wasn't haven't you're we're they're what's there's he's
she's let's i'd water food school life place part end hand head side point case world idea job line email read
"""

_ES = """
de que no a la el y en es lo un por me se con para una los mi le las si su al está pero como más ya muy qué del te tengo sí bien
eso esto hay o yo ha este esta tiene hola porque cuando todo usted son ese esa era nos hacer ser sin puedo sobre él ella gracias
ahora también puede dos hasta entonces favor algo nada solo sólo así aquí donde dónde estoy quién cuánto cómo cuál desde otro
otra tan antes después siempre nunca ni les fue voy va vamos he han había sido estar están estamos tenemos tienen tener quiero
quiere quería necesito necesita pueden podemos podría hace hizo hice hago dice dijo dicen decir digo ver veo dar dame dio doy
saber sé sabe creo crees pasa pasó pasado mismo misma cada mucho mucha muchos muchas poco tanto todos todas toda ellos ellas
nosotros ustedes mis tus sus tu ti mí nuestro nuestra vez veces día días mes meses año años semana hora horas mañana tarde noche
hoy ayer lunes viernes buenos buenas bueno buena malo mala mejor peor grande pequeño nuevo nueva viejo primer primero primera
segundo último última tres cuatro cinco seis siete ocho nueve diez cien mil señor señora señorita momento minuto problema
pregunta respuesta ayuda ayudar dinero cuenta número nombre teléfono tarjeta banco casa calle dirección trabajo trabajar empresa
servicio cliente familia hijo hija mujer hombre gente persona amigo cosa cosas parte lugar vida mundo tiempo verdad razón forma
manera caso claro vale perdón disculpe espere adiós luego igual aunque mientras durante entre contra hacia según menos además
todavía aún casi quizás tal dentro fuera arriba abajo cerca lejos llamar llamo llama llamada llamé hablar hablo pagar pagué pago
paga comprar compré vender mandar mandaron enviar enviaron recibir recibí llegar llegó llega venir viene vino salir sale entrar
dejar deja poner puse pedir pide pedí buscar encontrar perder cambiar cambio abrir cerrar escribir leer entender entiendo pensar
sentir volver seguir sigue esperar espero gustaría gusta parece importa falta debe debo deben queda
"""

_DE = """
ich die der und das ist nicht sie zu in den es mit ein ja so auf dem von mir habe für eine was wir haben auch an aber dass mich
kann wie noch bei im er da war wenn dann sind sich nur einen aus oder mein hat schon nein bitte man mal meine um jetzt ihr ihnen
als nach hier werden wird doch des wurde sehr gut hallo danke einem einer über weil wieder muss können möchte gibt vor vom zum
zur am bin mehr uns ihre ihren ihrer ihrem wo keine kein keinen nichts etwas alles alle immer nie heute morgen gestern gerade
eigentlich also eben ob bis durch ohne gegen unter zwischen seit während trotzdem obwohl damit darum deshalb warum wann wer wen
wem welche welcher welches diese dieser dieses diesen diesem jede jeder jedes meinen meinem meiner sein seine seinen unser
unsere unseren euch dir dich du hatte hatten hätte wäre waren gewesen geworden worden würde würden könnte könnten sollte sollen
soll will wollen wollte wollten darf dürfen müssen musste mag mögen lassen lässt macht machen mache gemacht geht gehen ging
gegangen kommt kommen kam gekommen sagt sagen sagte gesagt sage weiß wissen wusste glaube denke sehen sehe gesehen geben gab
gegeben nehmen finde finden gefunden bekommen bekomme brauche brauchen steht stehen bleiben liegt heißt fragen frage antwort
hilfe helfen problem anrufen angerufen rufe rufen sprechen warten warte suchen zahlen bezahlen bezahlt kaufen gekauft schicken
geschickt bestellt bestellen arbeiten arbeit tag tage tagen woche wochen monat monate jahr jahre jahren uhr stunde stunden
minute minuten zeit moment montag freitag abend nacht geld euro nummer name telefon konto karte bank haus straße adresse firma
kunde kunden frau herr mann kind kinder leute familie freund sache sachen teil ende seite welt leben stadt land weg grund fall
schule wasser essen auto neu neue neuen neuer alt alte groß große klein lange lang kurz schnell spät früh viel viele wenig
wenige ganz ganze richtig falsch schlecht besser beste erste ersten zweite letzte letzten nächste eins zwei drei vier fünf sechs
sieben acht neun zehn hundert tausend genau klar natürlich vielleicht leider gerne gern wirklich einfach zusammen allein selbst
anders andere anderen dort oben unten links rechts drin raus rein zurück hin her denn sonst außerdem mindestens ungefähr fast
"""

_HI = """
hai ka ki ke ho mein nahi kya main to se ko bhi hoon ye yeh ek aap aur par kar hi na haan mera meri mere tha thi the hain raha
rahi rahe jo wo woh kuch koi tak ne liye abhi toh ab mujhe hum tum apna apni apne aapka aapki aapke aapko aapne hamara hamari
hamare humein hamein unka unki unke unko unhe unhone usne uska uski uske usko use us is iska iski iske isko isme inka in jab tab
agar lekin magar phir kyunki kyun kyon kaise kaisa kaisi kab kahan kaun kaunsa kitna kitni kitne jaise jaisa aisa aise aisi
waisa waise sab sabhi bahut bohot zyada jyada kam thoda thodi bilkul sirf bas phirse wala wali wale sath saath pehle baad andar
bahar upar neeche paas door yahan yaha wahan waha idhar udhar kal aaj parso subah shaam raat din hafte mahine saal baje ghante
baar waqt samay karna karne karni karo karta karte karti karke kiya kiye karunga karenge karein kijiye kariye hona hota hoti
hote hua hui hue hoga hogi honge gaya gayi gaye jana jaana jaane jata jati jate jao jaye jaa ja aana aane aata aati aate aaya
aayi aaye aa aao dena dene deta dete diya diye di do dijiye lena lene leta liya li lo lijiye le bolna bol bola boli bolo bataya
batana bataiye bata batao kehna kehte kaha kehta dekhna dekh dekha dekho dekhiye sunna sun suniye suna samajh samjha milna mila
mili mile milta
"""

_EN_ENDINGS = """
ing tion sion ed ly ment ness ity ful less able ible ight ough ck ous ance ence ship th er sh ll ss ge
"""

_ES_ENDINGS = """
ción ciones cion sión dad dades mente ando iendo ado ada ados adas ido ida idos idas aron ieron aba aban ía ían arlo arla erlo
arme irme ito ita eza ura anza encia ancia ero era illo illa ón ar ir os as o a
"""

_DE_ENDINGS = """
ung ungen keit keiten heit heiten schaft lich liche lichen licher isch ische ischen igen iger iges ig chen lein tum nis iert
ieren ert elt st cht cher tz tzt eln ern te ten tet en
"""

_HI_ENDINGS = """
unga ungi enge oge egi ega iye iyega akar kar na ne ni ta te ti tha thi ya ye yi wala wale wali aan een oon on aa ee oo ai au
ana ane ani ata ate ati ayi aya aye ka ki ke
"""


def _ranked(words: str) -> MappingProxyType[str, int]:
    return MappingProxyType({word: place for place, word in enumerate(dict.fromkeys(words.split()))})


WORDS = MappingProxyType({"en": _ranked(_EN), "es": _ranked(_ES), "de": _ranked(_DE), "hi": _ranked(_HI)})
"""Language (primary subtag) → word → its place, the most frequent first."""

ENDINGS = MappingProxyType(
    {
        language: tuple(endings.split())
        for language, endings in (("en", _EN_ENDINGS), ("es", _ES_ENDINGS), ("de", _DE_ENDINGS), ("hi", _HI_ENDINGS))
    }
)
"""What words of a language are known to end in, however many of them there are."""
