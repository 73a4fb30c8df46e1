"""The sentences drafts are made of. None of them promises or states anything the request does not hold."""

GREETINGS = {
    "en": {"neutral": "Hello {name},", "formal": "Dear {name},", "friendly": "Hi {name},"},
    "de": {"neutral": "Guten Tag {name},", "formal": "Guten Tag {name},", "friendly": "Hallo {name},"},
}
NAMELESS = {
    "en": {"neutral": "Hello,", "formal": "Dear Sir or Madam,", "friendly": "Hi,"},
    "de": {"neutral": "Guten Tag,", "formal": "Sehr geehrte Damen und Herren,", "friendly": "Hallo,"},
}
THANKS = {
    "en": {
        "neutral": "Thank you for your message.",
        "formal": "Thank you for contacting us.",
        "friendly": "Many thanks for writing to us!",
    },
    "de": {
        "neutral": "vielen Dank für Ihre Nachricht.",
        "formal": "wir danken Ihnen für Ihr Schreiben.",
        "friendly": "herzlichen Dank, dass Sie uns schreiben!",
    },
}
CLOSINGS = {
    "en": {"neutral": "Kind regards", "formal": "Yours sincerely", "friendly": "Warm regards"},
    "de": {"neutral": "Freundliche Grüße", "formal": "Mit freundlichen Grüßen", "friendly": "Herzliche Grüße"},
}
CONCERNS = {
    "en": {
        "access request": "We have received your request for access.",
        "cancellation": "We have received your cancellation.",
        "change of address": "We have received your change of address.",
        "refund": "We have received your request for a refund.",
        "return or exchange": "We have received your request for a return or an exchange.",
        "delivery": "We have received your question about a delivery.",
        "invoice": "We have received your question about an invoice.",
        "complaint": "We have received your complaint and take it seriously.",
        "question": "We have received your question.",
        "other": "We have received your message.",
    },
    "de": {
        "access request": "Ihre Anfrage zum Zugang ist bei uns eingegangen.",
        "cancellation": "Ihre Kündigung oder Stornierung ist bei uns eingegangen.",
        "change of address": "Ihre Adressänderung ist bei uns eingegangen.",
        "refund": "Ihre Bitte um Erstattung ist bei uns eingegangen.",
        "return or exchange": "Ihre Bitte um Rückgabe oder Umtausch ist bei uns eingegangen.",
        "delivery": "Ihre Frage zur Lieferung ist bei uns eingegangen.",
        "invoice": "Ihre Frage zur Rechnung ist bei uns eingegangen.",
        "complaint": "Ihre Beschwerde ist bei uns eingegangen, und wir nehmen sie ernst.",
        "question": "Ihre Frage ist bei uns eingegangen.",
        "other": "Ihre Nachricht ist bei uns eingegangen.",
    },
}
FACTS = {"en": "We have noted: {facts}.", "de": "Wir haben notiert: {facts}."}
LABELS = {
    "en": {
        "order": "order {}", "invoice": "invoice {}", "amount": "amount {}", "date": "date {}", "address": "address {}",
        "email": "e-mail {}", "phone": "phone {}",
    },
    "de": {
        "order": "Bestellung {}", "invoice": "Rechnung {}", "amount": "Betrag {}", "date": "Datum {}",
        "address": "Adresse {}", "email": "E-Mail {}", "phone": "Telefon {}",
    },
}  # fmt: skip
AMOUNT = {"en": "The amount is {}.", "de": "Der Betrag ist {}."}
ASK = {
    "en": "To go on, we need {facts} from you.",
    "de": "Damit wir weitermachen können, brauchen wir von Ihnen {facts}.",
}
AND = {"en": " and ", "de": " und "}
NEEDED = {
    "en": {
        "order": "the order number", "invoice": "the invoice number", "amount": "the amount",
        "address": "the new address", "email": "the e-mail address of the account",
    },
    "de": {
        "order": "die Bestellnummer", "invoice": "die Rechnungsnummer", "amount": "den Betrag",
        "address": "die neue Adresse", "email": "die E-Mail-Adresse des Kontos",
    },
}  # fmt: skip
APOLOGY = {"en": "We are sorry for the trouble.", "de": "Wir bitten um Entschuldigung für die Umstände."}
ADDITION = {"en": "Please also note: {}.", "de": "Bitte beachten Sie auch: {}."}
NEXT = {"en": "We will look into it and write to you again.", "de": "Wir prüfen es und melden uns wieder bei Ihnen."}
# Square brackets, so that nobody takes a reviewer's note for a sentence to the customer.
NOTE = {"en": "[To be written by hand: {}]", "de": "[Von Hand zu ergänzen: {}]"}
