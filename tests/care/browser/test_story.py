"""One child's story, through the pages as people use them, from a finding to the family's own access list.

The steps stand in their order and each builds on the one before; the family's list at the end tells of all.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from tests.care.browser.conftest import People
from tests.care.browser.place import PASSWORD, REASON

pytestmark = pytest.mark.browser

WORKS = "A picture list of the day on her table"
HOME = "She hums when she is happy"
CHILD = "I like the quiet corner"
HEALTH = "Glasses, to be worn all day"
HARM = "I can't tell if her hearing was ever tested"
NO = "What a teacher needs goes into the passport"


class Story:
    """Dua's pages, opened and read by one person after the other."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.child = f"/children/{people.place.dua}/"

    def open(self, who: str, address: str, heading: str) -> Any:
        """Open an address of Dua (or a whole one) as somebody, and see that it is the right page."""
        page = self.people.tab(who)
        whole = address if address.startswith("/") else self.child + address
        page.goto(self.people.place.address + whole)
        on(page, heading)
        return page


def on(page: Any, heading: str) -> None:
    """It is the page with this heading."""
    from playwright.sync_api import TimeoutError as Late

    found = page.locator("h1")
    try:
        found.filter(has_text=heading).wait_for()
    except Late:
        raise AssertionError(f"{heading} is not: {page.url}\n{page.locator('body').inner_text()}") from None
    assert found.count() == 1


def press(page: Any, name: str) -> None:
    """Press a button or follow a link by what it says."""
    main = page.locator("main")
    button = main.get_by_role("button", name=name, exact=True)
    (button if button.count() else main.get_by_role("link", name=name)).first.click()


def day(page: Any, label: str, when: date) -> None:
    """Fill in the three boxes of a date."""
    group = page.get_by_role("group", name=label)
    for part, value in (("Day", when.day), ("Month", when.month), ("Year", when.year)):
        group.get_by_label(part).fill(str(value))


def saved(page: Any) -> None:
    """No form was handed back."""
    assert page.get_by_text("There is a problem").count() == 0, page.locator("main").inner_text()


@pytest.fixture(scope="module")
def told(chromium: Any, place: Any) -> Any:
    """The story's people: one set of tabs for all its steps."""
    people = People(chromium, place)
    yield Story(people)
    people.close()
    assert people.faults == [], (place.folder / "log").read_text()[-4_000:]


def test_the_sign_in_page_lets_the_senco_in_and_nothing_is_released_yet(told: Story) -> None:
    page = told.people.tab("")
    page.goto(told.people.place.address + "/")
    on(page, "Sign in")
    page.get_by_label("Email").fill("senco@example.org")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.keyboard.press("Enter")
    page.get_by_text("There is a problem").wait_for()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    on(page, "My work")
    assert "Sana Mahmood" in page.locator("header").inner_text()
    told.people.tabs["senco"] = page
    told.open("senco", told.child, "Dua Iqbal")
    assert page.get_by_text(REASON).count() == 0


def test_the_school_that_holds_the_child_is_told_and_another_is_not(told: Story) -> None:
    place = told.people.place
    said = place.run(
        "care", "take-in", str(place.release), "--district", str(place.folder / "district"), "--json"
    )
    assert '"matched": 1' in said
    page = told.open("senco", "/", "My work")
    assert page.get_by_text("Dua Iqbal").count() > 0
    page = told.open("senco", "/findings/", "Worth a professional look")
    press(page, "Dua Iqbal")
    on(page, "Worth a professional look: Dua Iqbal")
    assert page.get_by_text(REASON).count() == 1
    assert page.get_by_text("It is no diagnosis.").count() == 1
    page.get_by_role("radio").first.check()
    press(page, "Save what I found")
    on(page, "Dua Iqbal")

    page = told.open("other-senco", "/findings/", "Worth a professional look")
    assert page.get_by_text("Nothing was released to your organisation.").count() == 1
    page = told.open("other-senco", "/children/search/", "Find a child")
    page.get_by_label("Name, NHS number or UPN").fill("Dua Iqbal")
    press(page, "Search")
    page.get_by_text("0 children found").wait_for()
    told.open("other-senco", told.child, "You can't see this")


def test_the_parent_agrees(told: Story) -> None:
    page = told.open("parent", told.child, "Dua Iqbal")
    page = told.open("parent", f"/access/child/{told.people.place.dua}/wishes/", "What the family says")
    page.get_by_label("Yes: we agree that this is shared").check()
    page.get_by_label("About what?").select_option("school-family")
    press(page, "Record it")
    page.get_by_text("This was recorded, and holds from now on.").wait_for()
    assert page.get_by_text("Said by Parveen Iqbal").count() == 1


def write(told: Story, who: str, section: str, way: str, words: str, theirs: str = "") -> Any:
    """Write in the passport by the links of its own page."""
    page = told.open(who, "passport/", "Needs passport of Dua Iqbal")
    part = page.locator("section.passport-section", has=page.get_by_role("heading", name=section, exact=True))
    part.get_by_text("Write here").click()
    part.get_by_role("link", name=way).click()
    on(page, section)
    page.get_by_role("textbox").fill(words)
    if theirs:
        page.get_by_label(theirs).check()
    press(page, "Save")
    on(page, "Needs passport of Dua Iqbal")
    assert part.get_by_text(words).count() == 1
    return page


def test_the_teacher_begins_the_passport_and_the_parent_adds(told: Story) -> None:
    page = told.open("class-teacher", "passport/", "Needs passport of Dua Iqbal")
    press(page, "Begin the passport")
    page.get_by_text("The family said yes to it.").wait_for()
    write(told, "class-teacher", "What works", "What you know", WORKS)
    page = write(told, "parent", "About me", "Your words", HOME)
    assert page.get_by_text(WORKS).count() == 1
    write(told, "parent", "About me", "Your child's words", CHILD, theirs="I wrote this down")


def test_the_health_visitor_comes_into_the_circle_and_adds(told: Story) -> None:
    told.open("health-visitor", told.child, "You can't see this")
    page = told.open("senco", "circle/", "Who is round Dua Iqbal")
    press(page, "Invite somebody")
    on(page, "Invite somebody to the circle")
    page.get_by_label("Somebody else").check()
    page.get_by_label("Their work email address").fill("health-visitor@example.org")
    page.get_by_label("Why do you invite them?").fill("You knew the family when she was small")
    press(page, "Send the invitation")
    saved(page)
    page = told.open("health-visitor", "/", "My work")
    page.get_by_role("link", name=re.compile("invit", re.IGNORECASE)).first.click()
    on(page, "You are invited to a circle")
    assert page.get_by_text("You will see who the child is when you accept.").count() == 1
    press(page, "Join the circle")
    on(page, "Dua Iqbal")
    page = write(told, "health-visitor", "Health", "What you know", HEALTH)
    assert page.get_by_text(CHILD).count() == 1


def test_support_starts_without_a_diagnosis_is_reviewed_and_changed(told: Story) -> None:
    today = date.today()  # noqa: DTZ011 - as a person at the keyboard would say it
    page = told.open("senco", "plan/", "Support plan of Dua Iqbal")
    press(page, "Begin a plan")
    day(page, "When will you look at how it goes?", today + timedelta(days=42))
    press(page, "Save")
    on(page, "Support plan of Dua Iqbal")
    press(page, "Add a need")
    page.get_by_label("Talking and understanding").check()
    page.get_by_label("What do you see or hear?").fill("She waits, and does not ask")
    press(page, "Save")
    press(page, "Add a goal")
    for label, words in (
        ("What should be different?", "Asks for help with a word or a card"),
        ("How will you know?", "Count it in the morning lessons"),
        ("Where do you want to get to?", "Four days out of five"),
    ):
        page.get_by_label(label).fill(words)
    day(page, "By when?", today + timedelta(days=60))
    press(page, "Save")
    press(page, "Add an action")
    page.get_by_label("What will be done?").fill("A help card on the table")
    page.get_by_label("Or write a name").fill("Gran")
    day(page, "First day", today)
    day(page, "Last day", today + timedelta(days=42))
    press(page, "Save")
    on(page, "Support plan of Dua Iqbal")
    saved(page)
    press(page, "Hold a review")
    page.get_by_label("What did it do?").fill("She used it on three days")
    page.get_by_label("Did it help?").select_option(index=1)
    page.get_by_role("group", name="What now?").get_by_label("Change").check()
    page.get_by_label("What did you agree?").fill("Go on, with a smaller card")
    press(page, "Save the review")
    on(page, "Support plan of Dua Iqbal")
    page.get_by_text("The review asked to change this").wait_for()
    page.locator("li", has_text="A help card on the table").get_by_role("link", name="Change").click()
    on(page, "Change an action")
    page.get_by_label("What will be done?").fill("A small help card in her pocket")
    press(page, "Save")
    on(page, "Support plan of Dua Iqbal")
    page = told.open("parent", "plan/", "Support plan of Dua Iqbal")
    assert page.get_by_text("A small help card in her pocket").count() > 0
    assert page.get_by_role("link", name="Add a need").count() == 0


def test_a_wish_to_see_more_is_refused_raised_and_decided(told: Story) -> None:
    page = told.open("class-teacher", "chronology/", "Chronology of Dua Iqbal")
    assert page.get_by_text("Joined Hill Primary School").count() > 0
    assert page.get_by_text("Two-year review").count() == 0
    page.get_by_text("What you can't see here, and why").click()
    page.locator("li", has_text="health entries").get_by_role("link", name="This stops me").first.click()
    on(page, "You can't see this")
    assert "health" in page.locator("main p").first.inner_text().lower()
    page.get_by_label("How does this stop you from helping the child?").fill(HARM)
    press(page, "Send: this stops me from helping")
    on(page, "Asked for more")
    page = told.open("data-guardian", "/access/blockages/", "What stops people from helping")
    page.get_by_role("table").first.get_by_role(
        "link", name=re.compile("health", re.IGNORECASE)
    ).first.click()
    on(page, "Asked for more")
    assert page.get_by_text(HARM).count() == 1
    page.get_by_label("No, this stays as it is").check()
    page.get_by_label("Why?").fill(NO)
    press(page, "Record the decision")
    page.get_by_text("Your decision was recorded").wait_for()
    page = told.open("class-teacher", "/", "My work")
    page.get_by_role("link", name=re.compile("health", re.IGNORECASE)).first.click()
    on(page, "Asked for more")
    assert page.get_by_text(NO).count() == 1


def test_the_next_school_gets_the_pack_and_acknowledges_it(told: Story) -> None:
    page = told.open("senco", "passport/packs/", "Transition packs of Dua Iqbal")
    press(page, "Primary to secondary school")
    on(page, "Primary to secondary school: Dua Iqbal")
    page.get_by_label("To", exact=True).select_option(label="Lake Academy")
    page.get_by_label("What the next service should know first").fill("Meet her before the first day")
    press(page, "Send the pack")
    saved(page)
    page = told.open("other-senco", "/", "My work")
    page.get_by_role("link", name=re.compile("Dua Iqbal")).first.click()
    on(page, "Primary to secondary school")
    assert page.get_by_text(WORKS).count() == 1
    press(page, "I have this pack and have read it")
    page.get_by_text("Acknowledged").first.wait_for()
    page = told.open("other-senco", "/children/search/", "Find a child")
    page.get_by_label("Name, NHS number or UPN").fill("Dua Iqbal")
    press(page, "Search")
    page.get_by_text("1 child found").wait_for()


def test_every_step_is_in_the_familys_own_list(told: Story) -> None:
    told.open("senco", "chronology/", "Chronology of Dua Iqbal")
    page = told.open("parent", f"/access/child/{told.people.place.dua}/", "Who looked at the record of Dua")
    lines = [" ".join(each.split()) for each in page.locator(".evi-looks > li").all_inner_texts()]
    assert not [line for line in lines if "Encompass" in line], "its name tells what the family can't see"
    missing = [(who, *words) for who, *words in STEPS if not any(_tells(line, who, words) for line in lines)]
    assert not missing, f"{missing} not in:\n" + "\n".join(lines)


STEPS = (
    ("The computer system", "was told of"),
    ("Sana Mahmood", "looked at", "to help your child"),
    ("Sana Mahmood", "added to"),
    ("Olive Grant", "was told no"),
    ("Parveen Iqbal", "added to", "The child's own words"),
    ("Tom Reed", "added to", "What works"),
    ("Parveen Iqbal", "added to", "About me"),
    ("Sana Mahmood", "invited somebody to"),
    ("Hana Vale", "was told no"),
    ("Hana Vale", "added to", "Health"),
    ("Sana Mahmood", "added to", "Support plan"),
    ("Tom Reed", "was told no: another part of the record"),
    ("Tom Reed", "asked for more to be shared: another part of the record"),
    ("Dee Guard", "answered or passed on a wish to see more"),
    ("Sana Mahmood", "shared"),
    ("Olive Grant", "looked at", "What works"),
    ("Parveen Iqbal", "looked at", "the family's own record"),
)
"""Who, and words of the line that tells of what they did."""


def _tells(line: str, who: str, words: list[str]) -> bool:
    return line.lower().startswith(who.lower()) and all(each.lower() in line.lower() for each in words)
