"""Planted personal data and keys are found on their lines, look-alikes are not, and no value is ever shown."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from engine.data.browse import open_audit
from engine.data.checks.personal_data import ABOUT, GATE
from engine.data.gates import Gates
from engine.data.index import open_index
from engine.data.mask import mask_text
from engine.data.personal import personal_numbers
from tests.engine.data.rows import audit_rows, finding, many, qa

CODES = (*(about.code for about in ABOUT), "secret")
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PLANTED = {
    "pii_phone": [
        "+49 30 901820",
        "+1 (212) 736-5000",
        "(415) 701-2311",
        "212-736-5000",
        "+442079460958",
        "+33 1 70 18 99 00",
    ],
    "pii_card": [
        "4111 1111 1111 1111",
        "5500005555555559",
        "3782-822463-10005",
        "6011000990139424",
        "3530111333300000",
    ],
    "pii_iban": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR14 2004 1010 0505 0001 3M02 606"],
    "pii_ssn": ["536-90-4399", "212-09-7694"],
    "pii_ip": ["81.2.69.142", "192.168.10.44", "2001:db8:85a3:8d3:1319:8a2e:370:7348", "2a00:1450:4001:81b::200e"],
    "postal_address": [
        "12 Oak Street, Springfield, IL 62704",
        "1600 Pennsylvania Avenue NW, Washington, DC 20500",
        "350 Fifth Avenue, New York, NY 10118",
        "4 Privet Drive, Little Whinging, Surrey GU25 4AA",
        "221B Baker Street, London NW1 6XE",
        "10 Downing Street, London, SW1A 2AA",
        "1 Infinite Loop Way, Cupertino, California 95014",
        "500 S. Main St., Apt 4B, Los Angeles, CA 90013-1234",
        "77 Massachusetts Ave\nCambridge, MA 02139",
        "123 N Elm Blvd, Suite 200, Austin TX 78701",
        "P.O. Box 1234, Boise, ID 83701",
        "PO Box 99, Leeds LS1 4AP",
        "Flat 3, 27 Acacia Road, Manchester M1 1AE",
        "15 St. John's Gardens\nEdinburgh\nEH1 2AB",
        "42 Wallaby Way, Sydney NS 20000",
        "100 Queen Street West, Toronto, ON M5H 2N2",
        "3400 NE 110th Ave, Portland, OR 97220",
        "9 The Mall Row, Bristol BS1 5TR",
        "8 High St, Oxford OX1 4AS",
        "12345 State Highway 16, Helotes, TX 78023",
        "Hauptstraße 5, 10115 Berlin",
        "Unter den Linden 77, D-10117 Berlin",
        "Musterstr. 12a\n80331 München",
        "Am Markt 3, 04109 Leipzig",
        "Karl-Marx-Allee 93 A, 10243 Berlin",
        "Bahnhofstrasse 21, 8001 Zürich",
        "Mariahilfer Straße 45, 1060 Wien",
        "Prinsengracht 263, 1016 GV Amsterdam",
        "Goethestraße 1 in 60313 Frankfurt",
        "Lange Str. 4, DE-26122 Oldenburg",
        "12 rue de la Paix, 75002 Paris",
        "5 bis, avenue Victor Hugo, 69002 Lyon",
        "10 boulevard Saint-Germain\n75005 Paris",
        "Calle Mayor 5, 28013 Madrid",
        "Via Roma, 12, 00184 Roma",
        "Avenida de América 31, 28002 Madrid",
        "Storgatan 12, 11421 Stockholm",
        "Vesterbrogade 3, 1620 København",
        "Kurfürstendamm 26a, 10719 Berlin",
        "742 Evergreen Terrace, Springfield, OR 97477",
    ],
    "secret": [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1B2" * 9,
        JWT,
        "https://ann:hunter22@example.org/x",
        "sk_live_" + "4eC39Hqy" * 3,
        "xoxb-123456789012-123456789012-abcdefghijkl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA75\n-----END RSA PRIVATE KEY-----",
    ],
}
# After each value stands text that a careless pattern runs into.
AROUND = ["It is {}.", "Use {} please, 24 hours a day", "{} AND THEN WAIT", "first\n{}\n2 lines", "({}), or so"]
INNOCENT = [
    "ISBN 978-3-16-148410-0 and 9783161484100",
    "Version 1.2.3.4 of v10.12.13.14, see section 4.3.2.1",
    "On 2024-05-17 at 12:30:45",
    "1234567890123456 is 16 digits",
    "Order 4000-1234-77 of 3,141,592 units",
    "std::vector<int>::iterator",
    "MAC 00:1a:2b:3c:4d:5e",
    "GB82 WEST 1234 5698 7654 33 is not one",
    "000-12-3456 and 666-12-3456",
    "pi is 3.14159265358979323846",
    "AKIA is a prefix",
    "http://example.org:8080/@user and ghp_short",
    "The years 1990-2020, pages 100-200-3000",
    "eyJ is how tokens begin",
    "127.0.0.1 and 255.255.255.0",
    "5 + 3 = 8, 12345678901234 - 1 = 12345678901233",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "git 4111111a11111111deadbeef12345678",
    "In 2019 Main Street banks lost 12000 dollars",
    "It took 5 Years to build the Way of 10000 steps",
    "Section 12 Park Rules, see CA 90210",
    "The 3 Musketeers Way",
    "He ran 10 km on the Highway 61 in 1965",
    "Route 66 and Highway 101 meet near LA 90001",
    "Wall Street fell 12 % in 2008",
    "Between 1990 and 10115 people in Berlin",
    "iPhone 12 Pro Max Drive 20000",
    "Order 12345 Oak Dining Table, SKU AB1 2CD",
    "5 Way Switch 12345",
    "42 Green Lane",
    "Am 12. Mai 2020 Berlin",
    "The Court ruled 5 to 4 in 12000 cases",
    "10 Downing Street is famous",
    "2 St. Louis players, MO 12345",
    "I paid 300 for 2 Park tickets",
    "rue 5 from 75002",
    "model X1 2AB at 3 Ring Street",
]
# What stands right before and after, other scripts and typesetting: text → the codes of its values, in their order.
BESIDE: dict[str, list[str]] = {
    "card 12/26 4111 1111 1111 1111 2024": ["pii_card"],
    "1234 4111 1111 1111 1111": ["pii_card"],
    "4111 1111 1111 1111 4111 1111 1111 1111": ["pii_card", "pii_card"],
    "Visa:4111111111111111|12|26": ["pii_card"],
    "卡号4111111111111111。": ["pii_card"],
    "４１１１１１１１１１１１１１１１": ["pii_card"],
    "٤١١١١١١١١١١١١١١١": ["pii_card"],
    "4111\u00a01111\u00a01111\u00a01111": ["pii_card"],
    "IBAN DE89 3704 0044 0532 0130 00 IBAN GB82 WEST 1234 5698 7654 32": ["pii_iban", "pii_iban"],
    "iban de89370400440532013000, bic": ["pii_iban"],
    "DE89-3704-0044-0532-0130-00": ["pii_iban"],
    "账号DE89370400440532013000。": ["pii_iban"],
    "SSN: 536904399.": ["pii_ssn"],
    "social security number 536 90 4399": ["pii_ssn"],
    "536–90–4399": ["pii_ssn"],
    "社保536-90-4399号": ["pii_ssn"],
    "地址203.0.113.77。": ["pii_ip"],
    "203.0.113.77:8080, 203.0.113.78/24": ["pii_ip", "pii_ip"],
    "2001:db8::1.": ["pii_ip"],
    "+1 (212) 736-5000-": ["pii_phone"],
    "电话+8613800138000号": ["pii_phone"],
    "手机：138 0013 8000": ["pii_phone"],
    "+٤٩ ٣٠ ٩٠١٨٢٠": ["pii_phone"],
    "Mobil: 0171 2345678; Telefonnummer 030 901820": ["pii_phone", "pii_phone"],
    "212\u2011736\u20115000": ["pii_phone"],
    "+49\u00a030\u00a0901820": ["pii_phone"],
    "call 10 000 000 times": [],
    "another call with 'PB262377312'": [],
    "the phone costs 1234567.89, phone 299.99 1200.00": [],
    "198-304-19-201-338=": [],
    "the sum is 4123456789010": [],
    "ranges 157.240.0.0/16 and 31.13.24.0/21": [],
    "order 212-736-50001 of id_212-736-5000": [],
}
MAILS = {
    "<jane@example.com>,bob@example.org": 2,
    "邮箱jane@example.com。": 1,
    "jürgen@müller.de": 1,
    "jane@sub_domain.example.com": 1,
    "icon@2x.png": 0,
    "npm i react@18.2.beta": 0,
    "@app.route": 0,
}


@pytest.fixture(scope="module")
def gate() -> Gates:
    made = Gates({"personal_data": GATE})
    made.compile()
    return made


@pytest.mark.parametrize("text", BESIDE)
def test_a_value_is_found_by_its_form_whatever_touches_it(gate: Gates, text: str) -> None:
    found = [each.code for each in personal_numbers(text)]
    assert found == BESIDE[text]
    assert not found or gate.scan(text.encode()), "the scan that passes over most rows must let it through"
    assert (mask_text(text) == text) == (not found)


@pytest.mark.parametrize("text", MAILS)
def test_an_address_is_masked_whole(text: str) -> None:
    shown = mask_text(text)
    assert shown.count("***@") == MAILS[text]
    assert not MAILS[text] or not any(part in shown for part in ("jane@", "rgen@", "bob@", "example.com"))


def test_an_address_in_a_rejected_answer_counts(tmp_path: Path) -> None:
    pair = {"prompt": "Who?", "chosen": "I cannot say.", "rejected": "Ask jane.doe@example.com."}
    document = audit_rows(tmp_path, [*many(5), pair])
    assert finding(document, "pii_email")["lines"] == [6]


@pytest.mark.parametrize("code", PLANTED)
def test_planted_values_are_found_whatever_stands_around_them(tmp_path: Path, code: str) -> None:
    texts = [around.format(value) for value in PLANTED[code] for around in AROUND]
    rows = [*many(30), *(qa(f"Question {n}?", text) for n, text in enumerate(texts))]
    document = audit_rows(tmp_path, rows)
    assert finding(document, code)["lines"] == list(range(31, 31 + len(texts)))
    others = [other for other in CODES if other != code and finding(document, other)["count"]]
    assert others == [], "a value is of one kind"


def test_look_alikes_raise_nothing(tmp_path: Path) -> None:
    document = audit_rows(tmp_path, [*many(200), *(qa(f"Question {n}?", text) for n, text in enumerate(INNOCENT))])
    assert {code: finding(document, code)["lines"] for code in CODES if finding(document, code)["count"]} == {}


def test_no_value_is_shown_anywhere(tmp_path: Path) -> None:
    values = [value for code in CODES for value in PLANTED[code]]
    rows = [qa(f"Question {n}?", f"one\n{value}\ntwo") for n, value in enumerate(values)]
    audit_rows(tmp_path, [*rows, {"text": values[0], "label": values[1]}, {values[3]: values[4]}])
    connection = open_index(tmp_path / "audit" / "index.sqlite")
    stored = str(connection.execute("select note from finding_row").fetchall())
    connection.close()
    stored += (tmp_path / "audit" / "document.json").read_text()
    with open_audit(tmp_path / "rows.jsonl", tmp_path / "audit") as view:
        shown = "".join(f"{row.raw} {row.example} {row.problem}" for row in view.page(limit=500).rows)
    for value in [*values, "hunter22", "MIIEowIBAAKCAQEA75"]:
        if not value.startswith("-----BEGIN"):
            assert value not in stored and value not in shown
            assert json.dumps(value)[1:-1] not in shown


def test_a_text_without_personal_data_stays_as_it_is() -> None:
    for text in INNOCENT:
        assert mask_text(text) == text


def test_a_long_log_is_read_in_a_time_that_grows_with_its_length() -> None:
    text = " ".join(f"8.{place % 250}.{place // 250 % 250}.7" for place in range(20_000))
    began = time.process_time()
    found = personal_numbers(text)
    assert time.process_time() - began < 5  # comparing each with all before took 18 seconds
    assert len(found) > 19_000
    assert found == sorted(found, key=lambda each: each.start)
    assert all(one.end <= other.start for one, other in pairwise(found))
