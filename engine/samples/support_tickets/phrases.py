"""What the customers of an imaginary shop write. Every label of a row can be read from the phrases chosen for it.

Rules that keep the answers derivable: only HIGH and LOW phrases speak of time pressure, only REFUND phrases ask
for money back, and each problem names one product and belongs to one category.
"""

from __future__ import annotations

CATEGORIES = ("billing", "delivery", "defect", "account")
PRODUCTS = ("backpack", "headset", "kettle", "keyboard", "lamp", "router")
URGENCIES = ("low", "normal", "high")

ADJECTIVES = {
    "backpack": ("hiking", "school", "grey", "large"),
    "headset": ("gaming", "wireless", "office", "black"),
    "kettle": ("electric", "steel", "small", "glass"),
    "keyboard": ("wireless", "mechanical", "white", "compact"),
    "lamp": ("desk", "reading", "floor", "bedside"),
    "router": ("wifi", "mesh", "home", "new"),
}

FAULTS = {
    "backpack": (
        "One strap of the {product} tore off on the first walk",
        "The zip on my {product} jams halfway and will not close",
        "The seam at the bottom of the {product} has come undone",
        "The buckle of the {product} snapped in two",
        "My {product} lets water in although it was sold as waterproof",
        "There is a hole in the side pocket of the {product}",
    ),
    "headset": (
        "The left side of my {product} is silent",
        "The microphone of the {product} crackles on every call",
        "My {product} loses the connection every few minutes",
        "The {product} no longer charges, whatever cable I use",
        "The headband of the {product} cracked after two weeks",
        "There is a loud hum in the {product} even at low volume",
    ),
    "kettle": (
        "The {product} leaks from the base whenever I fill it",
        "My {product} switches off before the water is hot",
        "The lid of the {product} no longer shuts",
        "The handle of the {product} got so hot that it melted a little",
        "The {product} trips the fuse each time I turn it on",
        "Rust has appeared inside the {product} after a month",
    ),
    "keyboard": (
        "Three keys on the {product} do not respond",
        "The space bar of my {product} sticks",
        "My {product} types every letter twice",
        "The {product} drops its bluetooth connection all the time",
        "The backlight of the {product} flickers and then dies",
        "The enter key fell off the {product} and does not stay on",
    ),
    "lamp": (
        "The {product} flickers even with a new bulb",
        "The switch of the {product} came off in my hand",
        "My {product} stays dark although the socket works",
        "The arm of the {product} sinks down by itself",
        "The {product} buzzes as soon as it is on",
        "The shade of the {product} arrived cracked",
    ),
    "router": (
        "The {product} restarts by itself several times a day",
        "My {product} gets very hot and then drops every device",
        "The red light on the {product} never goes off and nothing connects",
        "Two of the four ports on the {product} are dead",
        "The {product} forgets its settings after each power cut",
        "The signal of the {product} does not even reach the next room",
    ),
}

DELIVERIES = (
    "The {product} I bought two weeks ago has still not arrived",
    "Tracking says the {product} was delivered but there is no parcel here",
    "The courier left my {product} at a wrong address",
    "My {product} has been stuck in the depot for nine days",
    "I moved house and the {product} is on its way to my old flat",
    "You sent me somebody else's parcel instead of the {product}",
    "The parcel with the {product} was returned to you without any attempt to deliver it",
    "Where is my {product}? The shipping page has not changed since Monday",
    "The box came, but it was empty and the {product} was not inside",
    "The driver never rang, so the {product} went back to the post office",
    "My {product} should have come last Thursday and I have heard nothing since",
    "The parcel service lost the {product} somewhere between your store and my town",
)

BILLINGS = (
    "I was charged twice for the {product}",
    "My card was debited 15 euros more than the price shown for the {product}",
    "The discount code was not applied when I paid for the {product}",
    "The invoice for the {product} shows the wrong company name",
    "You billed me for express shipping of the {product} though I chose standard",
    "The invoice for the {product} lists two pieces, I bought one",
    "I cancelled the {product} within an hour but the amount was still taken from my account",
    "The tax on the bill for the {product} does not add up",
    "I paid for the {product} by transfer and still get payment reminders",
    "The gift card was ignored and the whole price of the {product} went on my credit card",
    "Your bill for the {product} is 8 euros higher than the offer",
    "No invoice came with the {product} and my accountant asks for it",
)

ACCOUNTS = (
    "I cannot log in to register the warranty of my {product}",
    "The password reset mail never comes, so I cannot see my {product} order",
    "My account was locked after I ordered the {product}",
    "I would like to change the phone number in my profile, I bought a {product} from you",
    "The site says my user name is unknown although I ordered a {product} with it",
    "Signing in ends in an error page when I try to review the {product}",
    "My profile shows another customer's name beside my {product}",
    "I have two accounts and the {product} is in the wrong one, please merge them",
    "The login code for the page of my {product} is always rejected",
    "Please delete my customer profile, the {product} was my last purchase",
)

OPENINGS = (
    "Hello,",
    "Hi,",
    "Hi there,",
    "Good morning,",
    "Dear support,",
    "Good evening,",
    "Hey,",
    "To whom it may concern,",
)
CLOSINGS = (
    "Thanks.",
    "Thank you.",
    "Regards, Ola",
    "Best, Tom",
    "Kind regards, Mrs Adler",
    "Cheers",
    "Greetings from Oslo",
)

ORDERS = (
    "Order {order}.",
    "My order number is {order}.",
    "The order is {order}.",
    "It was order {order}.",
    "Reference {order}.",
    "You will find it under {order}.",
    "Order no {order}, paid by card.",
    "The number on the slip is {order}.",
)
NO_ORDERS = ("", "I cannot find the order number.", "I no longer have the order number.", "I threw the receipt away.")

HIGH = (
    "This is urgent.",
    "I need an answer today.",
    "I leave tomorrow morning, so please hurry.",
    "Please solve this as soon as possible.",
    "It cannot wait.",
    "I need this settled before tonight.",
    "We cannot work until it is solved, so please be quick.",
    "Please treat it as an emergency.",
    "I have to have this fixed within hours.",
)
LOW = (
    "There is no hurry.",
    "Take your time.",
    "Answer whenever you find a moment.",
    "It can wait until next week.",
    "This is not pressing at all.",
    "No rush from my side.",
    "Next month is early enough for me.",
)

REFUND = (
    "I want my money back.",
    "Please refund me.",
    "I would like a full refund.",
    "Please pay the money back to my card.",
    "I ask for a refund of what I paid.",
    "Kindly return the amount to my account.",
    "Can I get my money back?",
    "I expect a refund.",
)
NO_REFUND = {
    "billing": (
        "Please just correct it, I do not need a refund.",
        "A credit for my next order is fine, no refund needed.",
        "I only want an explanation, not a refund.",
        "Please send a corrected invoice, nothing more.",
    ),
    "delivery": (
        "Please tell me where it is.",
        "Please send it again.",
        "I still want it, so keep the order open.",
        "When will it come?",
        "",
    ),
    "defect": (
        "Please send me a new one.",
        "Can it be repaired?",
        "I would like to exchange it.",
        "A replacement would be fine.",
        "I do not want a refund, I want one that works.",
        "",
    ),
    "account": ("Please help.", "What should I do?", "Can you put that right?", ""),
}

# Sentences that decide nothing: a model that answers by the mere presence of a number or a feeling is misled by them.
FILLERS = (
    "I have been a customer since 2016.",
    "It was a present from my sister.",
    "My neighbour has the same one and is happy.",
    "I already wrote to you 3 days ago.",
    "I called twice and nobody picked up.",
    "The colour is lovely, by the way.",
    "I paid 49 euros for it.",
    "I bought it in your spring sale.",
    "Photos can be sent.",
    "This has never happened to me before.",
)
