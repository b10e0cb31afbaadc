"""The design system's template tags, rendered by Django."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.template.backends.django import DjangoTemplates
from django.test import RequestFactory

from tests.browser import kitchen

HOSTILE = '"><img src=x onerror=alert(1)>'


def rendered(source: str, path: str = "/", **context: Any) -> str:
    options = {"builtins": ["workbench.templatetags.ui"]}
    engine = DjangoTemplates({"NAME": "t", "APP_DIRS": False, "DIRS": [kitchen.ROOT / "templates"], "OPTIONS": options})
    request = RequestFactory().get(path)
    return str(engine.from_string(source).render({"request": request, **context}, request))


def test_it_names_a_state_by_word_shape_and_colour() -> None:
    html = rendered('{% state "failed" "OutOfMemory" %}')
    assert "mark-bad" in html and "#x-circle" in html and "Failed" in html and "OutOfMemory" in html


def test_it_shows_an_unknown_state_as_its_own_word() -> None:
    assert "Half done" in rendered('{% state "half_done" %}')


@pytest.mark.parametrize(
    "source",
    [
        "{% state x x %}",
        "{% severity x x %}",
        "{% icon x x %}",
        "{% filter_link x 'show' x x %}",
        "{% sort_head x x x %}",
    ],
)
def test_it_escapes_what_it_is_given(source: str) -> None:
    assert "<img" not in rendered(source, x=HOSTILE)


def test_it_escapes_the_words_of_a_diff() -> None:
    html = rendered("{% word_diff parts %}", parts=[("added", "<b>new</b>"), ("same", " & "), ("removed", "old")])
    assert html == "<ins>&lt;b&gt;new&lt;/b&gt;</ins><span> &amp; </span><del>old</del>"


def test_it_turns_the_order_round_and_goes_back_to_the_first_page() -> None:
    first = rendered('{% sort_head "Loss" "loss" %}', "/?page=3&show=lost")
    assert 'aria-sort="none"' in first and "?show=lost&amp;sort=loss" in first
    assert 'aria-sort="ascending"' in rendered('{% sort_head "Loss" "loss" %}', "/?sort=loss")
    again = rendered('{% sort_head "Loss" "loss" %}', "/?sort=-loss")
    assert 'aria-sort="descending"' in again and "?sort=loss" in again


def test_it_marks_the_filter_in_force() -> None:
    source = "{% filter_link 'All' 'show' %}|{% filter_link 'Lost' 'show' 'lost' 2 %}"
    all_rows, lost = rendered(source, "/?show=lost&page=2").split("|")
    assert "aria-current" not in all_rows and 'href="?"' in all_rows
    assert 'aria-current="true"' in lost and "page" not in lost.split(">")[0]


class Launch(forms.Form):
    rate = forms.FloatField(label="Learning rate", max_value=0.1, help_text="How far one step goes.")
    task = forms.ChoiceField(choices=[("a", "Labels"), ("b", "JSON")], widget=forms.RadioSelect)


def test_it_ties_a_control_to_its_error_and_keeps_what_was_typed() -> None:
    html = rendered('{% include "_field.html" with field=form.rate unit="per step" %}', form=Launch({"rate": "2"}))
    assert 'value="2"' in html and 'aria-invalid="true"' in html and "per step" in html
    assert 'aria-describedby="id_rate_error id_rate_why"' in html
    assert 'id="id_rate_error"' in html and 'id="id_rate_why"' in html
    assert "less than or equal to 0.1" in html


def test_it_takes_unit_and_range_from_the_form_field() -> None:
    form = Launch()
    form.fields["rate"].unit, form.fields["rate"].range = "per step", "1e-6 to 0.1"  # type: ignore[attr-defined]
    html = rendered('{% include "_field.html" with field=form.rate %}', form=form)
    assert "per step" in html and "(1e-6 to 0.1)" in html and "How far one step goes." in html


def test_it_groups_choices_under_a_legend() -> None:
    html = rendered('{% include "_field.html" with field=form.task %}', form=Launch({"task": "b"}))
    assert "<legend" in html and html.count('type="radio"') == 2 and "checked" in html


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 1234567|number }}", "1,234,567"), ("{{ x|number }}", "–"), ("{{ 1.23456|number }}", "1.235"),
        ("{{ 0.1234|share }}", "12.3\u00a0%"), ("{{ y|signed_share }}", "−3.1\u00a0%"),
        ("{{ 0.02|signed_share }}", "+2.0\u00a0%"),
        ("{{ 5|duration }}", "5.0 s"), ("{{ 125|duration }}", "2 min 05 s"), ("{{ 7325|duration }}", "2 h 02 min"),
    ],
)  # fmt: skip
def test_it_writes_numbers_as_people_read_them(source: str, text: str) -> None:
    assert rendered(source, x=None, y=-0.031) == text


@pytest.mark.parametrize("name", ["404.html", "403.html", "403_csrf.html", "500.html"])
def test_it_renders_an_error_page_with_no_context_at_all(name: str) -> None:
    options = {"builtins": ["workbench.templatetags.ui"]}
    engine = DjangoTemplates({"NAME": "t", "APP_DIRS": False, "DIRS": [kitchen.ROOT / "templates"], "OPTIONS": options})
    html = engine.get_template(name).render()
    assert "<h1>" in html and 'href="/"' in html
