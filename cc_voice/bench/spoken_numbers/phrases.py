"""Phrases of generated calls, by language: talk with everyday numbers, what is asked for, acknowledgements, fillers, corrections.

`{2}` is a number of so many digits, read one by one; `{~3}` one as an amount is said.
"""

from typing import NamedTuple


class Phrases(NamedTuple):
    """What is said around numbers in a language."""

    plain: tuple[str, ...]
    ask: tuple[str, ...]
    before: tuple[str, ...]
    expiry: tuple[str, ...]
    code: tuple[str, ...]
    national: tuple[str, ...]
    acknowledge: tuple[str, ...]
    again: tuple[str, ...]
    fillers: tuple[str, ...]
    corrections: tuple[str, ...]
    double: tuple[str, str]
    """Before a digit that comes twice, and three times."""
    alike: dict[str, str]
    """What recognisers hear instead of a digit."""


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _pairs(text: str) -> dict[str, str]:
    return dict(tuple(entry.split("=")) for entry in text.split())  # type: ignore[misc]


PHRASES: dict[str, Phrases] = {
    "en": Phrases(
        plain=_lines("""
            i would like to pay my bill please it is {~3} dollars
            for one moment i thought it was the one for two people
            my phone number is {10}
            the order number is {7}
            can you tell me the balance please
            your balance is {~3} dollars and {~2} cents
            i called two times last week about this
            the appointment is at {~2} fifteen on monday
            i live at {3} main street and the zip code is {5}
            there are {~2} items in the order
            the tracking number is {11}
            we moved here in nineteen eighty four
            it takes three to five business days
            i am looking at the invoice from may the amount is {~4} dollars
            someone told me i have to wait one or two weeks
            could you hold for a minute please
            that is a good one thank you so much
            extension {4} is always busy
        """),
        ask=_lines("""
            may i have the card number please
            what is the number on the front of your card
            could you read me the long number
            go ahead with your credit card number whenever you are ready
            and which card would you like to use
        """),
        before=("", "yes it is", "okay so the number is", "sure", "it's a visa"),
        expiry=("and the expiration date", "when does it expire", "valid until"),
        code=("and the security code", "the three digits on the back please", "and the c v v"),
        national=("and your social security number", "what is your social"),
        acknowledge=("okay", "yes", "mhm", "got it", "go on", "uh huh"),
        again=("sorry can you repeat the last four", "i missed that could you say the last four again"),
        fillers=("um", "uh", "er", "then", "okay"),
        corrections=("sorry no", "no wait", "i mean", "correction"),
        double=("double", "triple"),
        alike=_pairs(
            "four=for two=to one=won eight=ate three=tree two=too five=hive nine=line six=sick seven=heaven zero=hero oh=or"
        ),
    ),
    "es": Phrases(
        plain=_lines("""
            quiero pagar mi factura son {~3} euros
            un momento por favor que lo busco
            mi teléfono es el {9}
            el número de pedido es {7}
            me puede decir el saldo de la cuenta
            su saldo es de {~3} euros con {~2} céntimos
            he llamado dos veces esta semana por lo mismo
            la cita es a las {~2} y media del lunes
            vivo en la calle mayor {2} y el código postal es {5}
            hay {~2} artículos en el pedido
            la referencia es {8}
            nos mudamos aquí en mil novecientos ochenta y cuatro
            tarda de tres a cinco días laborables
            la factura de mayo tiene un importe de {~4} euros
            me dijeron que hay que esperar una o dos semanas
            puede esperar un minuto por favor
            una cosa más es para dos personas
        """),
        ask=_lines("""
            me da el número de su tarjeta por favor
            cuál es el número de la tarjeta
            dígame los dieciséis dígitos de la tarjeta
            necesito el número de tarjeta cuando quiera
        """),
        before=("", "sí es el", "vale el número es", "claro"),
        expiry=("y la fecha de caducidad", "cuándo caduca", "y el vencimiento"),
        code=("y el código de seguridad", "los tres dígitos de detrás por favor"),
        national=("y su número de la seguridad social",),
        acknowledge=("vale", "sí", "de acuerdo", "muy bien", "siga", "ajá"),
        again=("perdón me repite los últimos cuatro", "no le he oído me repite los últimos cuatro por favor"),
        fillers=("eh", "este", "luego", "vale", "y"),
        corrections=("perdón no", "no espere", "digo", "corrección"),
        double=("doble", "triple"),
        alike=_pairs(
            "cinco=sinco dos=dose tres=trese seis=sais ocho=hecho uno=humo cuatro=cuadro nueve=nieve siete=sientes cero=pero"
        ),
    ),
    "de": Phrases(
        plain=_lines("""
            ich möchte meine rechnung bezahlen es sind {~3} euro
            einen moment bitte ich suche das heraus
            meine telefonnummer ist {11}
            die bestellnummer lautet {7}
            können sie mir den kontostand sagen
            ihr saldo beträgt {~3} euro und {~2} cent
            ich habe schon zwei mal angerufen wegen der sache
            der termin ist um {~2} uhr am montag
            ich wohne in der hauptstraße {2} und die postleitzahl ist {5}
            es sind {~2} artikel in der bestellung
            die sendungsnummer ist {10}
            wir sind neunzehnhundertvierundachtzig hierher gezogen
            das dauert drei bis fünf werktage
            auf der rechnung vom mai steht ein betrag von {~4} euro
            man hat mir gesagt es dauert eine oder zwei wochen
            das ist eine gute sache vielen dank
            ich brauche einen tisch für zwei personen
        """),
        ask=_lines("""
            geben sie mir bitte die kartennummer
            wie lautet die nummer ihrer karte
            ich bräuchte dann ihre kreditkartennummer
            lesen sie mir bitte die sechzehn ziffern vor
        """),
        before=("", "ja das ist die", "gut die nummer ist", "gerne"),
        expiry=("und das ablaufdatum", "gültig bis wann", "und wann läuft sie ab"),
        code=("und die prüfnummer", "die drei ziffern auf der rückseite bitte"),
        national=("und ihre sozialversicherungsnummer",),
        acknowledge=("ja", "okay", "mhm", "genau", "weiter", "gut"),
        again=("entschuldigung können sie die letzten vier wiederholen", "wie bitte die letzten vier noch einmal"),
        fillers=("ähm", "äh", "dann", "ja", "und"),
        corrections=("entschuldigung nein", "nein moment", "ich meine", "quatsch"),
        double=("doppel", "dreimal"),
        alike=_pairs(
            "vier=hier zwei=frei drei=dabei eins=meins acht=macht neun=neu sechs=sex fünf=für sieben=lieben null=nur zwo=so"
        ),
    ),
    "fr": Phrases(
        plain=_lines("""
            je voudrais payer ma facture c'est {~3} euros
            un instant s'il vous plaît je cherche
            mon numéro de téléphone c'est le {10}
            le numéro de commande est {7}
            pouvez-vous me dire le solde du compte
            votre solde est de {~3} euros et {~2} centimes
            j'ai appelé deux fois cette semaine pour ça
            le rendez-vous est à {~2} heures lundi
            j'habite au {2} rue de la paix et le code postal c'est {5}
            il y a {~2} articles dans la commande
            la référence du dossier c'est {8}
            on a déménagé ici en mille neuf cent quatre-vingt-quatre
            ça prend de trois à cinq jours ouvrés
            sur la facture de mai le montant est de {~4} euros
            on m'a dit d'attendre une ou deux semaines
            c'est une bonne chose merci beaucoup
            une table pour deux personnes
        """),
        ask=_lines("""
            donnez-moi le numéro de votre carte s'il vous plaît
            quel est le numéro de la carte
            je vous écoute pour le numéro de carte bancaire
            il me faut les seize chiffres de la carte
        """),
        before=("", "oui c'est le", "d'accord le numéro c'est", "alors"),
        expiry=("et la date d'expiration", "et la date de validité", "elle expire quand"),
        code=("et le cryptogramme", "les trois chiffres au dos s'il vous plaît"),
        national=("et votre numéro de sécurité sociale",),
        acknowledge=("oui", "d'accord", "très bien", "allez-y", "mhm", "ok"),
        again=("pardon pouvez-vous répéter les quatre derniers", "je n'ai pas compris les quatre derniers s'il vous plaît"),
        fillers=("euh", "alors", "puis", "oui", "et"),
        corrections=("pardon non", "non attendez", "je veux dire", "pardon"),
        double=("double", "triple"),
        alike=_pairs("sept=cette cinq=saint six=si huit=oui neuf=veuf deux=de trois=toi quatre=cadre un=hein zéro=héros"),
    ),
}
