"""Words that ask for harm or do it, by category: patterns of an act and its object, not single words.

"kill a process", "a bath bomb" and "shoot a film" are no harm; a list of bad words would flag them. So each pattern
needs an act on a person, a thing made or bought to hurt, or words that have no other use. The act may also be told
("I stabbed him" is no request); stories and news are then flagged too, which is why the finding is one to read.
"""

# ruff: noqa: E501 - a pattern is easier to read on one line

from __future__ import annotations

import re
from typing import NamedTuple

from engine.data.gates import loosen


class Pattern(NamedTuple):
    category: str
    words: tuple[str, ...]  # one of them must be there
    form: re.Pattern[str]
    gate: str  # what ``form`` always contains


# category → what it is; the order is that of gravity
CATEGORIES = {
    "minors": "sexual content with minors",
    "self_harm": "instructions or encouragement to self-harm",
    "weapons": "making explosives, poisons or weapons",
    "violence": "harming or threatening a person",
    "sexual_violence": "sexual violence and trafficking",
    "hate": "slurs and hatred of groups",
    "drugs": "making or dealing in illegal drugs",
    "crime": "theft, fraud and breaking into systems",
}
_PERSON = (
    r"(?:(?:a|an|the|my|your|his|her|their|our|this|that|some|any|another|these|those|all|other|innocent|random|old|young|"
    r"small|multiple|many|every|each|elderly|disabled|two|three)\s+){0,3}"
    r"(?:person|people|human(?:s| beings?)?|man|men|woman|women|child(?:ren)?|kids?|bab(?:y|ies)|wife|husband|boyfriend|"
    r"girlfriend|ex|partner|spouse|neighbou?rs?|boss|coworkers?|colleagues?|classmates?|roommates?|teachers?|students?|"
    r"mother|father|mom|dad|parents?|brother|sister|family|friends?|strangers?|somebody|someone|anyone|everyone|him|her|"
    r"them|you|police(?:man| officers?)?|cops?|president|politicians?|celebrit(?:y|ies)|tourists?|pedestrians?|muslims?|"
    r"jews?|christians?|immigrants?|refugees?|victims?|enem(?:y|ies)|crowd|dogs?|cats?)\b"
)
_HOW = (
    r"(?:how (?:to|do i|can i|could i|can we|do we|would i|should i|might i)|(?:ways?|methods?|place|plan|process|strategy)"
    r" (?:to|of|for)|steps (?:to|should i take to)|help me|teach me (?:how )?to|instructions (?:to|for|on)|guide (?:to|for|on)"
    r"|tips (?:on|for|to)|i (?:want|need|plan|intend|am going|'m going) to|(?:people|someone|somebody) to)"
)
_MINOR = (
    r"(?:child(?:ren)?|kids?|minors?|toddlers?|infants?|bab(?:y|ies)|pre-?teens?|under-?age|school ?(?:girls?|boys?)|"
    r"little (?:girls?|boys?)|lolita|(?:[1-9]|1[0-7])[- ]?years?[- ]?old(?: (?:girls?|boys?))?|young (?:girls?|boys?))"
)
_SEXUAL = r"(?:sex|sexual(?:ly|ized|izing)?|sexy|nudes?|naked|porn(?:ography|ographic)?|erotic(?:a)?|molest(?:ing|ed)?|rap(?:e|ed|ing)|grop(?:e|ing)|masturbat\w+|orgasm\w*)"
_DEVICE = (
    r"(?:(?:pipe|car|nail|dirty|letter|suicide|petrol|fertili[sz]er|time|homemade|home-made|nuclear|chemical|pressure cooker) )?"
    r"(?:bombs?(?! (?:shelter|calorimeter|cake|squad|disposal|cyclone|threat))|explosives?|molotovs?|molotov cocktails?|"
    r"grenades?|ieds?|improvised explosive devices?|land ?mines?|dynamite|napalm|thermite|nitroglycerine?|tnt|"
    r"nerve (?:gas|agents?)|sarin|ricin|anthrax|mustard gas|chlorine gas|cyanide|poison(?:ous)? gas|bio-?weapons?|"
    r"biological weapons?|chemical weapons?|weapons? of mass destruction|ghost guns?|untraceable (?:guns?|firearms?)|"
    r"silencers?|machine guns?|pipe guns?|poison)"
)
_MAKE = r"(?:mak(?:e|ing)|build(?:ing)?|construct(?:ing)?|assembl(?:e|ing)|creat(?:e|ing)|synthesi[sz](?:e|ing)|cook(?:ing)?|brew(?:ing)?|produc(?:e|ing)|manufactur(?:e|ing)|prepar(?:e|ing)|3d[- ]print(?:ing)?)"
_DRUG = r"(?:meth(?:amphetamine)?s?|crystal meth|crack(?: cocaine)?|cocaine|heroin|fentanyl|lsd|ecstasy|mdma|ghb|rohypnol|ketamine|illegal drugs?|hard drugs?|illegal substances?|coke(?=\W*$)|weed(?=\?|$| (?:illegally|in the street))|mari[jh]uana)"
_GROUP = (
    r"(?:muslims?|jews?|jewish people|christians?|blacks?|black people|whites?|white people|asians?|chinese people|mexicans?|"
    r"immigrants?|refugees?|hindus?|buddhists?|latinos?|gays?|gay people|homosexuals?|lesbians?|trans(?:gender)? (?:people|women|men)|disabled people|"
    r"women|indians?|arabs?|africans?|gypsies|roma people)"
)
_GROUP_WORDS = (
    "muslim|jew|christian|black|white|asian|chinese|mexican|immigrant|refugee|gay|homosexual|lesbian|trans|disabled|women|"
    "indian|arab|african|gypsies|roma "
)
_HATE = (
    r"(?:(?:sub-?human|inferior|vermin|parasites?|disgusting|filth(?:y)?|scum|animals|cockroaches|evil|stupid|lazy|worthless|"
    r"terrorists|criminals|dirty|thieves)\b|(?:deserve|ought|need|have) to (?:die|be (?:killed|shot|gassed|exterminated))|"
    r"should (?:all )?(?:die|be (?:killed|shot|gassed|exterminated|eliminated|enslaved|wiped out)))"
)
_GAP = r"(?:[\w'-]+\s+){0,3}?"
_HURT = (
    r"(?:kill|murder|stab|shoot|strangl|poison|tortur|kidnap|abduct|assassinat|behead|beat up|lynch|slaughter|chok|suffocat|"
    r"dismember|throttl|slay|butcher|execut|liquidat|annihilat|euthani[sz]|punch|snip|gut|drown|terminat|decapitat|"
    r"(?:physically |seriously |badly )?(?:hurt|harm|injur|attack|assault))(?:e|ing|ting|ning)?"
)
_PART = r"(?:skulls?|spines?|sternum|throats?|necks?|head|face|arter(?:y|ies)|kidneys?|bones?|legs?|wrists?)"
_PLACE = (
    r"(?:houses?|homes?|schools?|hospitals?|church(?:es)?|mosques?|synagogues?|buildings?|army base|stadium|villages?|"
    r"cit(?:y|ies)|airports?|trains?|planes?|embass(?:y|ies)|concerts?|cars?)"
)
_GRAVE = (
    r"(?:murders?|massacres?|mass shooting|school shooting|genocide|ethnic cleansing|terror(?:ist)? attacks?|mass murder|"
    r"bombings?|assassinations?|kidnappings?|beheadings?|hate crimes?|violent assault|dogfights?)"
)


def _p(category: str, words: str, form: str, before: str = "") -> Pattern:
    """``before``: what stands before ``form``, left out of the gate where a scan would stop at it in every sentence."""
    return Pattern(category, tuple(words.split("|")), re.compile(before + form), loosen(form))


PATTERNS = (
    _p("minors", "sex|nude|naked|porn|erotic|molest|rape|raping|grop|masturb|orgasm",
       rf"\b(?:{_SEXUAL}\W+(?:[\w'-]+\W+){{0,3}}{_MINOR}|{_MINOR}\W+(?:[\w'-]+\W+){{0,3}}{_SEXUAL})\b"),
    _p("minors", "child porn|kiddie porn|csam|pedophil|paedophil|jailbait|groom",
       r"\b(?:child|kiddie) porn\w*|\bcsam\b|\bjailbait\b|\b(?:become|being|start as) a p(?:a)?edophile\b|"
       r"\bsatisfy my p(?:a)?edophilia\b|\bgroom(?:ing)? (?:minors|(?:underage |young )?(?:children|kids|girls|boys))\b"),
    _p("self_harm", "myself|yourself|my life|your life|suicide|my own life|my wrists|end it all|self-harm|self harm",
       rf"\b{_HOW} {_GAP}(?:(?:kill|hang|drown|poison|cut|harm|hurt|starve|shoot|burn|asphyxiate) (?:myself|yourself|oneself)|"
       r"(?:commit(?:ting)?|attempt) suicide|(?:end|take) (?:my|your) (?:own )?life|end it all|self-? ?harm\b|"
       r"(?:cut|slit) (?:my|your) wrists?)"),
    _p("self_harm", "kill yourself|kys|hang yourself|suicide|end your life",
       r"\b(?:go|just|should|please|you (?:must|could)) (?:and )?(?:kill|hang|shoot|drown) yourself\b|\bkys\b|"
       r"\b(?:best|easiest|most effective|painless|least painful|quickest|fastest) (?:ways?|methods?) (?:to|of|for) "
       r"(?:suicide|commit(?:ting)? suicide|die|dying|end(?:ing)? (?:my|your) life)|\bsuicide (?:method|pact|note for me)s?\b"),
    _p("weapons", "bomb|explosive|molotov|grenade|ied|mine|dynamite|napalm|thermite|nitrogly|tnt|nerve|sarin|ricin|anthrax|"
       "gas|cyanide|weapon|gun|firearm|silencer|poison",
       rf"\b{_MAKE} (?!up)(?:(?:a|an|the|my|your|some|own|simple|small|large|powerful|real|working|homemade|home-made|"
       rf"illegal|deadly|lethal|undetectable|effective|improvised|\d+)\s+){{0,4}}{_DEVICE}\b"),
    _p("weapons", "bomb|explosive|anthrax|ricin|sarin|weapon|gun|firearm",
       r"\b(?:plant|detonate|set off|smuggle|hide|place) (?:a |an |the |some |my )?(?:bombs?|explosives?|anthrax|"
       r"(?:guns?|firearms?|weapons?) (?:in|into|onto|through|past))\b|\b(?:buy|get|obtain|acquire) (?:a |an |some )?"
       r"(?:ricin|sarin|anthrax|nerve agents?|plutonium|(?:guns?|firearms?) (?:illegally|without (?:a )?(?:licen[sc]e|"
       r"background check|permit)))"),
    _p("violence", "kill|murder|stab|shoot|strangl|poison|tortur|kidnap|abduct|assassinat|behead|beat|hurt|attack|harm|injur|"
       "assault|lynch|slaughter|chok|suffocat|dismember|throttl|slay|butcher|execut|liquidat|annihilat|euthani|punch|snip|gut|"
       "drown|terminat|decapitat|hitman|hit man",
       rf"\b{_HOW} {_GAP}{_HURT} (?!time\b){_PERSON}(?! (?:in|on|at|with) (?:a |the |my |this )?(?:\w+ )?(?:game|dream|story|"
       r"novel|movie|film|chess|fortnite|minecraft|call of duty|debate|court|sims|skyrim|gta|tennis|race|poker))"
       r"|\bhire a hit ?man\b"),
    _p("violence", "skull|spine|sternum|throat|neck|head|face|arter|kidney|bone|leg|wrist",
       rf"\b{_HOW} {_GAP}(?:smash|crack|crush|break|shatter|sever|slit|slash|bash|cut off|chop off|rip off|pierce|hammer) "
       rf"(?:in |open )?(?:a |my |his |her |their |some(?:one|body)'s )(?:[\w'-]+ ){{0,2}}{_PART}\b"),
    _p("violence", "blow|bomb|burn|on fire|wip",
       rf"\b{_HOW} {_GAP}(?:blow(?:ing)? up|bomb(?:ing)?|burn(?:ing)? down|wip(?:e|ing) out) (?:a |an |the |my |our |entire )"
       rf"(?:[\w'-]+ ){{0,2}}{_PLACE}\b|\b{_HOW} {_GAP}set (?:a |the |my )(?:[\w'-]+ ){{0,2}}{_PLACE} on fire"),
    _p("violence", "kill|murder|stab|shoot|cut your throat|beat|hurt|rape|burn|hunt",
       r"\b(?:i|we)(?: will|'ll| am going to|'m going to| gonna|'m gonna| are going to|'re going to| want to| shall) "
       r"(?:fucking )?(?:kill|murder|stab|shoot|rape|burn|behead|strangle|slaughter|hunt down|beat up|beat the shit out of) "
       r"(?:you|him|her|them|your (?:family|kids|children|wife|mother)|my (?:wife|husband|boss|neighbou?r|ex|family|teacher))"
       r"\b(?! (?:an? |the )?(?:email|mail|text|message|note|link|line|copy|picture|quote|look|down\b))|\bi know where you live\b"),
    _p("violence", "murder|massacre|shooting|genocide|cleansing|terror|bombing|assassination|kidnapping|beheading|"
       "hate crime|assault|dogfight",
       rf"\b{_HOW} {_GAP}(?:commit(?:ting)?|carry(?:ing)? out|plan(?:ning)?|stag(?:e|ing)|organi[sz](?:e|ing)|set up|"
       rf"get(?:ting)? away with|join) (?:a |an )?(?:{_GRAVE}|terrorist (?:group|organi[sz]ation))\b"),
    _p("sexual_violence", "rape|roofie|date-rape|date rape|molest|traffic|sex slave|grope|drug",
       rf"\b{_HOW} {_GAP}(?:rape|molest|grope|drug|roofie|sexually (?:assault|abuse|harass)|traffick?|pimp out) {_PERSON}|"
       r"\b(?:human|sex) traffick(?:er|ing) (?:ring|operation|business|network)\b.{0,20}\b(?:start|run|set up)|"
       rf"\b{_HOW} {_GAP}(?:commit|get away with) (?:a )?rape\b|\bsex slaves?\b"),
    _p("hate", "nigg|faggot|kike|wetback|raghead|sandnig|gook|tranny|trannies|spics|chinks|paki ",
       r"\b(?:sand)?nigg(?:er|a|uh)z?s?\b|\bfaggots?\b|\bkikes?\b|\bwetbacks?\b|\bragheads?\b|\bgooks\b|\btrann(?:y|ies)\b|"
       r"\bspics\b|\bchinks\b(?! in\b)|\b(?:dirty|filthy|fucking|stupid) (?:paki|spic|chink|gook|jew|arab|mexican)s?\b"),
    _p("hate", _GROUP_WORDS,
       rf"{_GROUP} (?:are |is |being )?(?:all |just |really |nothing but |so |naturally |genetically |inherently |less |more )*{_HATE}",
       before=rf"\b(?:all|these|those|most|why are|because|that|the|how|prove) {_GAP}"),
    _p("hate", _GROUP_WORDS,
       rf"\b(?:i|we|you should|everyone should) (?:hate|despise|loathe) (?:all )?{_GROUP}\b|\b(?:kill|gas|exterminate|deport|"
       rf"enslave|eradicate|lynch) (?:all )?(?:the )?{_GROUP}\b|\b(?:hate speech|hateful|racist|sexist|homophobic|antisemitic|"
       rf"transphobic|islamophobic) (?:joke|speech|rant|post|tweet|slogan|song|poem)s? (?:about|against|on|targeting) {_GAP}{_GROUP}"),
    _p("hate", "muslim|jew|christian|black|white|asian|hindu|buddhist|latino|immigrant|refugee|gay|homosexual|lesbian|trans|"
       "disabled|women|roma ",
       rf"\bwhy (?:should |is it (?:best|right|good) (?:for|that) |would it be best if )?{_GROUP} (?:should )?(?:better )?(?:not (?:be "
       r"(?:allowed|admitted|permitted|given|hired)|have (?:equal )?rights|hold|get married|vote|study)|be (?:barred|denied|"
       r"banned|kicked|discriminated))"),
    _p("drugs", "meth|crack|cocaine|heroin|fentanyl|lsd|ecstasy|mdma|ghb|rohypnol|ketamine|drugs|substances|coke|weed|mari",
       rf"\b(?:{_MAKE}|cut|deal(?:ing)?|sell(?:ing)?|smuggl(?:e|ing)|buy(?:ing)?|obtain(?:ing)?|get|find|purchase|inject(?:ing)?|snort(?:ing)?|"
       rf"traffic(?:king)?|transport(?:ing)?) (?:(?:some|my|own|a|the|pure|illegal|more|cheap|best|good|quality|of|"
       rf"bit|batch|little|kilo|gram)\s+){{0,4}}{_DRUG}\b(?! (?:awareness|prevention|abuse))"),
    _p("crime", "identity|credit card|phishing|ransomware|malware|keylogger|virus|counterfeit|launder|hack|break into|"
       "shoplift|burgl|rob |steal|fraud|arson|robbery|illegally|without getting caught|undetected|evade tax|pick a lock|forge|fake id|blackmail|ddos|embezzl|bribe",
       rf"\b{_HOW} {_GAP}(?:steal {_GAP}(?:identit(?:y|ies)|credit cards?|passwords?|cars?|money|data|bikes?|packages?|mail|"
       r"from (?:a|my|the|people|someone))|commit(?:ting)? (?:a |an )?(?:identity theft|(?:[\w-]+ ){0,2}fraud|"
       r"arson|burglary|(?:armed )?robbery|blackmail)|rob (?:a|my|the) |burgle |shoplift|launder (?:\w+ )?money|counterfeit |"
       r"(?:make|create|write|get|buy|forge) (?:a |an |some |my own )?(?:counterfeit|ransomware|malware|keyloggers?|computer virus|"
       r"phishing (?:e-?mails?|sites?|pages?)|fake ids?|fake passports?|forged)|hack (?:into )?(?!together)(?:a |an |the |my |"
       r"some(?:one|body)(?:'s)? |into )|break into (?:a|my|the|some(?:one|body)(?:'s)?) (?:house|home|car|bank|phone|account|office|store|building|[\w-]+'s)|blackmail |evade taxes|embezzle |"
       r"ddos |bribe )|\b(?:how (?:to|do i|can i)|where can i|help me|way (?:to|of)) [^.?!\n]{3,60}"
       r"\b(?:illegally|without getting caught|undetected)\b"),
)  # fmt: skip

# The patterns themselves, loosely: nearly every row is passed over by the scan that looks for all gates at once.
GATE = "|".join(pattern.gate for pattern in PATTERNS)
_APOSTROPHES = str.maketrans("’‘`", "'''")
# Words with which the same phrases are turned to protect or forbid.
_AGAINST = re.compile(
    r"\b(?:prevent\w*|avoid\w*|protect\w*|stop(?:ping)?|against|report(?:ing)?|combat\w*|fight(?:ing)?|detect\w*|"
    r"awareness|laws?|illegal to|never|not|don't|do not|didn't|history of|victims? of|survivors?|support for|effects of|"
    r"risks? of|danger(?:s|ous)?|education|treat\w*|recover\w*|definition of|define|ban(?:ned|ning)?)\b"
)
# What makes it a tale, a game or a matter of law, near by.
_FICTION = re.compile(
    r"\b(?:games?|films?|movies?|tv|show|novels?|story|stories|fiction(?:al)?|scene|screenplay|minecraft|fortnite|skyrim|"
    r"witcher|sims|gta|chess|dream|test|saturn|mars|jupiter|sun)\b"
)
_LAW = re.compile(
    r"\b(?:laws?|legal(?:ly)?|illegal|offen[cs]es?|offenders?|crimes?|criminal|convict\w*|charged|abuse|statut\w+|consent|"
    r"prosecut\w+|prohibit\w*|court|police|act|education|prevent\w*|protect\w*)\b"
)
_BEFORE, _AROUND = 40, 80


def unsafe(text: str) -> tuple[str, str] | None:
    """(category, the words found) of the gravest pattern in ``text``; None when there is none.

    Cleared are phrases that words close before turn to protecting or forbidding, requests that name a game or a film
    close behind, and what stands among words of the law where minors are concerned.
    """
    text = text.translate(_APOSTROPHES).lower()
    for pattern in PATTERNS:
        if any(word in text for word in pattern.words):
            for match in pattern.form.finditer(text):
                if not _cleared(pattern.category, text, match.start(), match.end()):
                    return pattern.category, " ".join(match[0].split())[:80]
    return None


def _cleared(category: str, text: str, start: int, end: int) -> bool:
    if _AGAINST.search(text, max(0, start - _BEFORE), start):
        return True
    if category == "minors":
        return _LAW.search(text, max(0, start - _AROUND), end + _AROUND) is not None
    if category == "violence" and " not " in text[start:end]:
        return True
    return category in ("violence", "hate") and _FICTION.search(text, end, end + _AROUND) is not None
