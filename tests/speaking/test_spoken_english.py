import pytest

from pipeline.speaking.spoken_form import spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("We have 5 rooms.", "We have five rooms."),
        ("105 people", "one hundred five people"),
        ("1,200 items", "one thousand two hundred items"),
        ("1,234,567.89", "one million two hundred thirty-four thousand five hundred sixty-seven point eight nine"),
        ("12500 users", "twelve thousand five hundred users"),
        ("2000", "two thousand"),
        ("0.5", "zero point five"),
        ("take .5", "take point five"),
        ("it is 1,5", "it is one point five"),
        ("-5 or +5", "minus five or plus five"),
        ("I'm 3 of 5", "I'm three of five"),
        ("3.14", "three point one four"),
        ("1.5 million people", "one point five million people"),
        ("20k users", "twenty thousand users"),
        ("1. Tea. 2. Coffee. At 8. We", "one, Tea. two, Coffee. At eight. We"),
    ],
)
def test_numbers(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("the 1st, 2nd and 3rd", "the first, second and third"),
        ("22nd", "twenty-second"),
        ("103rd", "one hundred third"),
        ("1/2 cup", "one half cup"),
        ("3/4", "three quarters"),
        ("2 1/2 cups", "two and a half cups"),
        ("5/16", "five sixteenths"),
        ("10/10", "ten out of ten"),
        ("2½ or ½", "two and a half or one half"),
        ("24/7", "twenty-four seven"),
        ("4.5/5 stars", "four point five out of five stars"),
    ],
)
def test_ordinals_and_fractions(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("3-5 days", "three to five days"),
        ("5 - 10 days", "five to ten days"),
        ("$5-10", "five to ten dollars"),
        ("$5-$10", "five to ten dollars"),
        ("$2-3 million", "two to three million dollars"),
        ("20-25 °C", "twenty to twenty-five degrees Celsius"),
        ("5%-10%", "five percent to ten percent"),
        ("9 am - 5 pm", "nine a.m. to five p.m."),
        ("9:00-17:00", "nine to five p.m."),
        ("1999-2003", "nineteen ninety-nine to two thousand three"),
    ],
)
def test_ranges(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$4.50", "four dollars and fifty cents"),
        ("$1", "one dollar"),
        ("$0.50", "fifty cents"),
        ("$0.01", "one cent"),
        ("$1,200.50", "one thousand two hundred dollars and fifty cents"),
        ("$3 million", "three million dollars"),
        ("$2.5M", "two point five million dollars"),
        ("US$5", "five US dollars"),
        ("5 USD", "five US dollars"),
        ("€20", "twenty euros"),
        ("£1.50", "one pound and fifty pence"),
        ("¥500", "five hundred yen"),
        ("5 EUR or 5€", "five euros or five euros"),
        ("20元", "twenty yuan"),
        ("-$5 or $-5", "minus five dollars or minus five dollars"),
        ("€1.234,56", "one thousand two hundred thirty-four euros and fifty-six cents"),
        ("$5/month", "five dollars per month"),
        ("15% off", "fifteen percent off"),
    ],
)
def test_sums(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2025-03-04", "March fourth twenty twenty-five"),
        ("March 3, 2025", "March third, twenty twenty-five"),
        ("3/4/2025", "March fourth twenty twenty-five"),
        ("13/4/2025", "April thirteenth twenty twenty-five"),
        ("04.03.2025", "March fourth twenty twenty-five"),
        ("3 March 2025", "the third of March twenty twenty-five"),
        ("on 3/4 at 3", "on March fourth at three"),
        ("Mar. 5", "March fifth"),
        ("July 4th", "July fourth"),
        ("in 1999", "in nineteen ninety-nine"),
        ("in 1905", "in nineteen oh five"),
        ("in 2005", "in two thousand five"),
        ("in 1776", "in seventeen seventy-six"),
        ("the 90s", "the nineties"),
        ("the 1990s", "the nineteen nineties"),
        ("May 5 is fine", "May fifth is fine"),
    ],
)
def test_dates(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("at 9:30", "at nine thirty"),
        ("09:30 am", "nine thirty a.m."),
        ("5 p.m. or so", "five p.m. or so"),
        ("10am", "ten a.m."),
        ("12:05", "twelve oh five"),
        ("at 17:00", "at five p.m."),
        ("at 17:30", "at five thirty p.m."),
        ("at 17:15.", "at five fifteen p.m."),
        ("at 9:00", "at nine o'clock"),
        ("0:15", "twelve fifteen a.m."),
        ("7:45pm", "seven forty-five p.m."),
        ("5 am I right", "five am I right"),
        ("Mon-Fri", "Monday to Friday"),
        ("Mon–Fri 9-5", "Monday to Friday nine to five"),
        ("Mon: 9 to 5", "Monday: nine to five"),
    ],
)
def test_times(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5 km", "five kilometers"),
        ("1 km", "one kilometer"),
        ("3.5 kg", "three point five kilograms"),
        ("20 °C", "twenty degrees Celsius"),
        ("-5 °C", "minus five degrees Celsius"),
        ("10 GB", "ten gigabytes"),
        ("5 ft", "five feet"),
        ("60 km/h", "sixty kilometers per hour"),
        ("30 min", "thirty minutes"),
        ("500 ml", "five hundred milliliters"),
        ("5'10\"", "five foot ten"),
        ("4x4", "four by four"),
        ("4 x 4", "four by four"),
        ("90 m²", "ninety square meters"),
    ],
)
def test_units(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1-800-555-0199", "one, eight hundred, five five five, zero one nine nine"),
        ("+1 800 555 0199", "plus one, eight hundred, five five five, zero one nine nine"),
        ("+18005550199", "plus one, eight hundred, five five five, zero one nine nine"),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("555-0199", "five five five, zero one nine nine"),
        ("555.123.4567", "five five five, one two three, four five six seven"),
        ("555 123 4567", "five five five, one two three, four five six seven"),
        ("8005550199", "eight hundred, five five five, zero one nine nine"),
        ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
        ("020 7946 0958", "zero two zero, seven nine four six, zero nine five eight"),
        ("call 911", "call nine one one"),
        ("1-800-FLOWERS", "one, eight hundred-FLOWERS"),
        ("978-3-16-148410-0", "nine seven eight, three, one six, one four, eight four one zero, zero"),
    ],
)
def test_telephone_numbers(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("order number 48213377", "order number four eight two one three three seven seven"),
        ("order 48213", "order four eight two one three"),
        ("code 0042", "code zero zero four two"),
        ("PIN: 4821", "PIN: four eight two one"),
        ("Your code is 4821", "Your code is four eight two one"),
        ("room 204", "room two oh four"),
        ("room 12", "room twelve"),
        ("flight 1234", "flight twelve thirty-four"),
        ("flight UA 1543", "flight UA fifteen forty-three"),
        ("ending in 4242", "ending in four two four two"),
        ("v2", "version two"),
        ("Route 66", "Route sixty-six"),
        ("A380", "A-three eighty"),
        ("B12", "B-twelve"),
        ("BA1234", "BA-twelve thirty-four"),
        ("COVID-19", "COVID-nineteen"),
        ("7-Eleven", "seven-Eleven"),
        ("3D", "three D"),
        ("1080p", "ten eighty p"),
        ("GPT-4", "GPT-four"),
        ("H2O", "H-two O"),
        ("v2.0", "version two point zero"),
        ("version 1.2.3", "version one point two point three"),
        ("192.168.1.1", "one hundred ninety-two dot one hundred sixty-eight dot one dot one"),
        ("#5", "number five"),
        ("No. 5", "number five"),
        ("№ 5", "number five"),
        ("said no. 5 came", "said no. five came"),
        ("room no. 5", "room number five"),
        ("Henry VIII", "Henry VIII"),
    ],
)
def test_names_made_of_figures(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Mr. Smith", "Mister Smith"),
        ("Dr. Jones", "Doctor Jones"),
        ("St. Louis", "Saint Louis"),
        ("5 Main St. We", "five Main Street. We"),
        ("Main St. in town", "Main Street in town"),
        ("Ask Dr. Smith.", "Ask Doctor Smith."),
        ("Hello Dr Jones.", "Hello Dr Jones."),
        ("12 Oak Dr. We", "twelve Oak Drive. We"),
        ("e.g. tea", "for example tea"),
        ("i.e. me", "that is me"),
        ("etc. We", "et cetera. We"),
        ("etc. and", "et cetera and"),
        ("cats vs. dogs", "cats versus dogs"),
        ("approx. 5", "approximately five"),
        ("Smith Jr. is", "Smith Junior is"),
        ("U.S. Office", "U.S. Office"),
        ("ext. 12", "extension twelve"),
        ("No, thanks.", "No, thanks."),
        ("See p. 5", "See page five"),
        ("Sun is up. Sat down.", "Sun is up. Sat down."),
        ("Ph.D. students", "PhD students"),
    ],
)
def test_abbreviations(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("https://shop.example.com/hours", "shop dot example dot com slash hours"),
        ("www.shop.example", "www dot shop dot example"),
        (
            "shop.example.com/a/b?x=1&y=2",
            "shop dot example dot com slash a slash b question mark x equals one and y equals two",
        ),
        ("shop.example.com/.", "shop dot example dot com."),
        ("info@shop.example.com", "info at shop dot example dot com"),
        ("bob-miller@shop.example", "bob dash miller at shop dot example"),
        ("j.smith@a.com", "j dot smith at a dot com"),
        ("a_b@x.org.", "a underscore b at x dot org."),
        ("bob99@x.com", "bob-ninety-nine at x dot com"),
        ("shop24.com", "shop-twenty-four dot com"),
        ("main.py", "main dot py"),
        ("/usr/bin", "slash usr slash bin"),
        ("Node.js", "Node dot js"),
        ("open.We", "open. We"),
        ("http://localhost:8080", "localhost colon eighty eighty"),
    ],
)
def test_addresses(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("you & me", "you and me"),
        ("AT&T and Q&A", "AT&T and Q&A"),
        ("5 + 3 = 8", "five plus three equals eight"),
        ("A+", "A plus"),
        ("5+ years", "five plus years"),
        ("C# or C++", "C sharp or C plus plus"),
        ("meet @ noon", "meet at noon"),
        ("and/or", "and or"),
        ("TCP/IP", "TCP IP"),
        ("his/her", "his slash her"),
        ("~5", "about five"),
        ("<10 or >= 5", "less than ten or at least five"),
        ("20° or 50 %", "twenty degrees or fifty percent"),
        ("3:1", "three to one"),
    ],
)
def test_marks(written: str, said: str) -> None:
    assert spoken(written, "en") == said
