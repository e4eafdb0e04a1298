"""Cues: words that say which kind of number comes next, or that a number is none to hide.

A cue is written as in rules (`(a|b)` one of, `[a]` may be there, `a*` words that begin so), folded. Those of cards, their codes
and dates and of national ids are looked for in every language, whatever a call is said to be in; the others in the languages of the
call.
"""

import functools
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal, NamedTuple

from cc_voice.call import tokeniser
from cc_voice.quality.redaction.terms import Term

CueKind = Literal[
    "CARD", "CVV", "EXPIRY", "CODE", "NATIONAL_ID", "PHONE", "DATE_OF_BIRTH", "ACCOUNT", "ADDRESS", "OTHER", "LAST4", "KEEP"
]
PCI: frozenset[CueKind] = frozenset({"CARD", "CVV", "EXPIRY", "CODE"})
"""Kinds that are read one after the other: they part a chain into pieces, and break none."""

EVERYWHERE: dict[CueKind, str] = {
    "CARD": """
        card (number|numbers|details|digits|is|says|reads|has|ending|ends|number's) · number (on|of|for|from)
        (the|your|my|this|that) [credit|debit|bank] card · (long|sixteen digit|16 digit|fifteen digit) (number|card) ·
        (sixteen|fifteen|16|15) digits · (visa|maestro) (card|number|ending|is) · (mastercard|master card|amex|american
        express) · which card · card s · on the front [of] [the|your] card · across the front · pay (by|with) card · (card|c
        c) info* · name and number on the card · numero [largo] de [la|su|mi|tu|una] tarjeta · (los|sus|mis)
        (dieciseis|quince|16|15) (digitos|numeros|cifras) · (mi|su|tu) tarjeta · tarjeta (numero|es|de credito|de
        debito|termina*) · de la tarjeta · (kredit|ec|giro|bank|geld|debit)karte* · kartennummer* · kreditkartennummer ·
        nummer (auf|von|ihrer|meiner|der|deiner) [ihrer|meiner|der] [kredit|kreditkarte|karte] · (meine|ihre|der|auf der)
        karte · (sechzehnstellig*|16 stellig*|funfzehnstellig*) · (sechzehn|funfzehn|16|15) (ziffern|stellen) · numero
        [long] de [la|votre|ma|ta|sa|une] carte · (ma|votre) carte · carte (bancaire|bleue|de credit|de paiement|visa) ·
        numero a (seize|quinze|16|15) chiffres · (seize|quinze|16|15) chiffres
    """,
    "CVV": """
        c v v [2] · c v c [2] · cvv* · cvc* · csc · c s c · c i d · security (code|digits) ·
        (digits|digit|number|numbers|code) on the (back|reverse|signature strip) · three digits · three digit (code|number)
        · 3 digits · 3 digit (code|number) · card verification · verification value · four digits on the front ·
        (back|reverse) of [the|your|my] card · codigo de seguridad · (tres|3|cuatro) (digitos|numeros|cifras) ·
        (numero|codigo|digitos) (del|de) (reverso|dorso|atras|detras) · codigo cvv · clave de seguridad · (reverso|dorso) de
        la tarjeta · prufnummer · prufziffer* · kartenprufnummer · sicherheitscode · sicherheitsnummer · (drei|3)
        (ziffern|stellen|zahlen) · (dreistellig*|3 stellig*) · ruckseite [der|ihrer|meiner] [karte] · cryptogramme* ·
        (code|numero) de securite · (trois|3) [derniers] chiffres · (code|chiffres|numero) au (dos|verso) · dos de
        [la|votre|ma] carte
    """,
    "EXPIRY": """
        expir* · valid (thru|through|until|till|to) · good (thru|through|until) · exp date · exp · caduc* · vence ·
        vencimiento · vencen · valida hasta · expiracion · gultig* · ablaufdatum · (lauft|laeuft) [sie|die|diese|ihre|meine]
        [karte] [im|am|wann] ab · ablauft · ablauf · verfallsdatum · verfallt · date de validite · date d expiration ·
        valable jusqu* · fin de validite · expire*
    """,
    "NATIONAL_ID": """
        social security · (my|your|the|full|of your|of my) social · ssn · s s n · national insurance · tax id · taxpayer ·
        seguridad social · (d n i|dni|n i e|nie|curp|nif) · documento (de identidad|nacional) · numero de identidad ·
        sozialversicherung* · steuer id* · steueridentifikation* · steuernummer · personalausweis* · ausweisnummer ·
        rentenversicherung* · securite sociale · numero de secu · carte d identite · numero fiscal · numero de passeport
    """,
}
BY_LANGUAGE: dict[str, dict[CueKind, str]] = {
    "en": {
        "CODE": """
            pin · p i n · pass code · passcode · one time (code|password|passcode|pin) · verification code · confirmation
            code we · authori* code · access code · security pin · (code|password) (we|i) [just] (sent|texted|emailed) ·
            text* you a code · o t p · otp
        """,
        "PHONE": """
            phone · phones · mobile · cell [phone|number] · extension · call me back · call you back · callback · telephone
            · reach (you|me) at · contact number
        """,
        "DATE_OF_BIRTH": "date of birth · birth date · birthdate · birthday · born · d o b · dob",
        "ACCOUNT": """
            iban · account (number|numbers|is|no|ending) · sort code · routing [number] · bank account · member (number|id)
            · policy number · customer number
        """,
        "ADDRESS": """
            zip* · post code · postcode · postal code · street · address · house number · apartment · live (at|on) · flat
        """,
        "OTHER": """
            order* · invoice* · balance* · appointment* · items · room · o clock · tracking · reference · case number ·
            ticket · flight · model · serial · total · amount · price · quantity · page
        """,
        "LAST4": "last (four|4) · ending in · ends in · ends with · ending with",
    },
    "es": {
        "CODE": """
            pin · codigo de verificacion · codigo de confirmacion · codigo (que le|que les|que te) · clave · contrasena ·
            codigo de acceso
        """,
        "PHONE": "telefono* · movil · celular · extension · llam* al numero · numero de contacto",
        "DATE_OF_BIRTH": "nacimiento · nacido · nacida · naci · cumpleanos",
        "ACCOUNT": "iban · cuenta* · numero de cliente · numero de poliza",
        "ADDRESS": "codigo postal · calle · direccion · avenida · vivo en · domicilio · piso",
        "OTHER": """
            pedido* · factura* · saldo* · cita* · articulos · habitacion · referencia · importe · total · a las · precio ·
            billete · vuelo
        """,
        "LAST4": "(ultimos|ultimas) (cuatro|4) · (cuatro|4) ultimos · termina* en · acaba* en",
    },
    "de": {
        "CODE": """
            pin · tan · pin nummer · bestatigungscode · einmalcode · einmalpasswort · verifizierungscode · zugangscode ·
            kennwort
        """,
        "PHONE": "telefon* · ruckruf* · handy* · mobil* · durchwahl · ruf* mich · vorwahl · erreichbar",
        "DATE_OF_BIRTH": "geburtsdatum · geboren · geburtstag · geburts*",
        "ACCOUNT": "iban · konto* · kontonummer · bankleitzahl · kundennummer · vertragsnummer · versicherungsnummer",
        "ADDRESS": "postleitzahl · plz · strasse · wohne · wohnhaft · adresse · hausnummer · anschrift",
        "OTHER": """
            bestell* · rechnung* · saldo · termin* · zimmer · uhr · betrag · gesamt* · kontostand · sendung* · vorgang* ·
            referenz* · preis · auftrag* · artikel*
        """,
        "LAST4": "letzten (vier|4) · letzte vier · endet (auf|mit) · endziffern",
    },
    "fr": {
        "CODE": """
            code pin · code secret · code de verification · code de confirmation · mot de passe · code recu · code (que
            je|qu on) · code a usage unique
        """,
        "PHONE": "telephone · portable · numero de tel · rappel* (au|moi) · joindre · mobile · poste · joignable",
        "DATE_OF_BIRTH": "naissance · ne le · nee le · anniversaire",
        "ACCOUNT": "iban · compte · rib · numero de client · numero de contrat",
        "ADDRESS": "code postal · rue · habite · adresse · avenue · boulevard · domicile",
        "OTHER": """
            commande* · facture* · solde · rendez vous · heures · chambre · montant · total · dossier · reference · prix ·
            colis · articles
        """,
        "LAST4": "(quatre|4) derniers · derniers (quatre|4) · (termine|terminant|finit|finissant) par",
    },
}


class Cue(NamedTuple):
    """A cue in a stream: its kind, and its first and last term."""

    kind: CueKind
    first: int
    last: int


class Cues(NamedTuple):
    """Compiled cues: by the first three letters of their first word, the expressions that may begin there."""

    by_head: dict[str, tuple[tuple[CueKind, re.Pattern[str]], ...]]


@functools.lru_cache(maxsize=64)
def compiled(languages: tuple[str, ...], keep_after: tuple[str, ...]) -> Cues:
    """Return the cues of some languages, and a site's words after which numbers stay."""
    heads: dict[str, dict[CueKind, list[str]]] = {}
    tables = [EVERYWHERE, *(BY_LANGUAGE[language] for language in languages if language in BY_LANGUAGE)]
    written: list[tuple[CueKind, str]] = [
        (kind, cue) for table in tables for kind, cues in table.items() for cue in cues.split("·")
    ]
    for kind, cue in [*written, *_kept(keep_after)]:
        words = _words(cue)
        for first in words[0][0]:
            pattern = "".join([_one(first), *(_any(options, optional) for options, optional in words[1:])])
            heads.setdefault(first.rstrip("*")[:3], {}).setdefault(kind, []).append(pattern)
    by_head = {
        head: tuple((kind, re.compile("|".join(sorted(set(patterns), key=len, reverse=True)))) for kind, patterns in kinds.items())
        for head, kinds in heads.items()
    }
    return Cues(by_head)


def _kept(words: tuple[str, ...]) -> list[tuple[CueKind, str]]:
    return [("KEEP", " ".join(folded)) for word in words if (folded := tokeniser.words(word))]


def _words(cue: str) -> list[tuple[list[str], bool]]:
    """Read `card (number|is) [now]` as options, and whether they may be left out, word after word."""
    found = re.findall(r"(\()([^)]*)\)(\w*\*?)|(\[)([^\]]*)\]|(\S+)", cue)
    words: list[tuple[list[str], bool]] = []
    for is_choice, options, behind, is_optional, may_be, word in found:
        if is_choice:
            words.append(([f"{option.strip()}{behind}" for option in options.split("|")], False))
        elif is_optional:
            words.append(([option.strip() for option in may_be.split("|")], True))
        else:
            words.append(([word], False))
    return words


def _one(word: str) -> str:
    """A word, or several, each followed by a space."""
    return "".join(f"{re.escape(part.rstrip('*'))}{'[^ ]*' if part.endswith('*') else ''} " for part in word.split())


def _any(options: list[str], optional: bool) -> str:
    return f"(?:{'|'.join(map(_one, options))}){'?' if optional else ''}"


def cues_in(terms: Sequence[Term], cues: Cues) -> list[Cue]:
    """Return the cues of a stream in order of their last term; of those that begin together the longest of each kind."""
    text = "".join(f"{term.text} " for term in terms)
    starts: list[int] = []
    position = 0
    for term in terms:
        starts.append(position)
        position += len(term.text) + 1
    found: list[Cue] = []
    for place, term in enumerate(terms):
        for head in (term.text[:3], term.text[:2], term.text[:1]):
            for kind, pattern in cues.by_head.get(head, ()) if len(head) > 2 or head == term.text else ():
                match = pattern.match(text, starts[place])
                if match is not None:
                    found.append(Cue(kind, place, bisect_right(starts, match.end() - 2) - 1))
            if len(term.text) <= len(head):
                break
    return sorted(found, key=lambda cue: (cue.last, cue.first))
