"""What the customers of an imaginary shop write. Every label of a row can be read from the phrases chosen for it.

Rules that keep the answers derivable: only HASTE phrases speak of time pressure, only REFUND phrases ask
for money back, and each problem says its category before the detail that varies.
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

# A problem is an opening that says of which kind it is, and a detail that varies.
PROBLEMS = {
    "defect": (
        "The {product} is broken: {detail}",
        "My {product} is defective, {detail}",
        "The {product} does not work properly, {detail}",
        "There is a fault with my {product}: {detail}",
        "The {product} broke after a week, {detail}",
        "My {product} is damaged, {detail}",
    ),
    "delivery": (
        "The parcel with the {product} has not arrived: {detail}",
        "My {product} was never delivered, {detail}",
        "There is a problem with the delivery of the {product}: {detail}",
        "I am still waiting for the parcel with my {product}, {detail}",
        "The courier did not bring my {product}, {detail}",
        "The shipping of my {product} went wrong: {detail}",
    ),
    "billing": (
        "I was charged wrongly for the {product}: {detail}",
        "The invoice for my {product} is wrong, {detail}",
        "There is a mistake on the bill for the {product}: {detail}",
        "You charged my card too much for the {product}, {detail}",
        "The payment for my {product} went wrong: {detail}",
        "The price on the invoice for the {product} is not right, {detail}",
    ),
    "account": (
        "I cannot log in to my account to see the {product}: {detail}",
        "My account has been locked since I bought the {product}, {detail}",
        "The password of my account fails, I only wanted to look up the {product}: {detail}",
        "There is a problem with my customer account and the {product}, {detail}",
        "I want to change my user profile after buying the {product}, {detail}",
    ),
}
DETAILS = {
    "backpack": ("one strap tore off", "the zip jams", "a seam came undone", "the buckle snapped", "it lets water in"),
    "headset": ("the left side is silent", "the microphone crackles", "it will not charge", "it hums all the time"),
    "kettle": ("it leaks from the base", "it stays cold", "the lid will not shut", "it trips the fuse"),
    "keyboard": ("three keys are dead", "the space bar sticks", "it types letters twice", "the enter key fell off"),
    "lamp": ("it flickers", "the switch came off", "it stays dark", "the arm sinks down", "the shade is cracked"),
    "router": ("it restarts by itself", "it gets very hot", "two ports are dead", "the red light never goes off"),
    "delivery": (
        "tracking has stood still for nine days",
        "the box was empty",
        "a neighbour on another street has it",
        "it went to my old flat",
        "somebody else's things were in the box",
        "nobody rang at my door",
        "it was sent back to you",
    ),
    "billing": (
        "the amount was taken twice",
        "the discount code was ignored",
        "it is 15 euros too much",
        "it lists two pieces and I bought one",
        "the tax does not add up",
        "express postage was added",
        "my gift card was not used",
    ),
    "account": (
        "the reset mail never comes",
        "the code is always rejected",
        "my user name is unknown",
        "it shows another person's name",
        "an error page comes up",
        "the phone number is out of date",
    ),
}

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
    "Order no {order}, bought in June.",
    "The number on the slip is {order}.",
)
NO_ORDERS = ("", "I cannot find the order number.", "I no longer have the order number.", "I threw the receipt away.")

HASTE = {
    "high": (
        "This is urgent.",
        "It is urgent, please hurry.",
        "Urgent, I need an answer today.",
        "This is very urgent.",
        "Please hurry, I need this solved today.",
        "I need an answer today.",
        "Please solve this as soon as possible.",
    ),
    "normal": (
        "An answer this week is fine.",
        "Please reply this week.",
        "I hope to hear from you this week.",
        "",
    ),
    "low": (
        "There is no hurry, it can wait.",
        "It can wait until next month.",
        "This can wait.",
        "It can wait, take your time.",
        "There is no hurry.",
        "Take your time.",
    ),
}

REFUND = (
    "I want a refund.",
    "Please refund me.",
    "I would like a full refund.",
    "Can I get a refund?",
    "I ask for a refund, I want my money back.",
    "Please refund the money.",
    "I want my money back.",
)
NO_REFUND = {
    "billing": ("Please correct it.", "Please send a new invoice.", "Please explain it."),
    "delivery": ("Please tell me where it is.", "Please send it again.", "When will it come?"),
    "defect": ("Please send me a new one.", "Can it be repaired?", "I would like to exchange it."),
    "account": ("Please help.", "What should I do?", "Can you put that right?"),
}

# Sentences that decide nothing: a model that answers by the mere presence of a number or a feeling is misled by them.
FILLERS = (
    "I have been a customer since 2016.",
    "It was a present from my sister.",
    "My neighbour has the same one and is happy.",
    "I already wrote to you 3 days ago.",
    "I called twice and nobody picked up.",
    "The colour is lovely, by the way.",
    "It cost 49 euros.",
    "I bought it in your spring sale.",
    "Photos can be sent.",
    "This has never happened to me before.",
)
