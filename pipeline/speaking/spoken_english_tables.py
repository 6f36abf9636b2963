"""What the English rules look up: units, currencies, abbreviations, names of days and months."""

UNITS = {
    "mm": ("millimeter", "millimeters"), "cm": ("centimeter", "centimeters"), "m": ("meter", "meters"),
    "km": ("kilometer", "kilometers"), "ft": ("foot", "feet"), "yd": ("yard", "yards"), "mi": ("mile", "miles"),
    "mg": ("milligram", "milligrams"), "g": ("gram", "grams"), "kg": ("kilogram", "kilograms"),
    "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"), "mL": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"),
    "l": ("liter", "liters"), "L": ("liter", "liters"), "gal": ("gallon", "gallons"),
    "m²": ("square meter", "square meters"), "m2": ("square meter", "square meters"),
    "km²": ("square kilometer", "square kilometers"), "m³": ("cubic meter", "cubic meters"),
    "sq ft": ("square foot", "square feet"), "sqft": ("square foot", "square feet"),
    "ms": ("millisecond", "milliseconds"), "s": ("second", "seconds"), "sec": ("second", "seconds"),
    "secs": ("second", "seconds"), "min": ("minute", "minutes"), "mins": ("minute", "minutes"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "yrs": ("year", "years"),
    "km/h": ("kilometer per hour", "kilometers per hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"), "m/s": ("meter per second", "meters per second"),
    "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"), "Mbps": ("megabit per second",) * 2,
    "Gbps": ("gigabit per second",) * 2, "Mbit/s": ("megabit per second",) * 2, "kbps": ("kilobit per second",) * 2,
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "V": ("volt", "volts"), "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "mAh": ("milliamp hour", "milliamp hours"),
    "dB": ("decibel", "decibels"),
    "kcal": ("kilocalorie", "kilocalories"), "cal": ("calorie", "calories"), "px": ("pixel", "pixels"),
    "°C": ("degree Celsius", "degrees Celsius"), "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "° C": ("degree Celsius", "degrees Celsius"), "° F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "℃": ("degree Celsius", "degrees Celsius"), "℉": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"), "%": ("percent", "percent"),
}  # fmt: skip
"""Unit as written to its singular and plural."""

_CENT = ("cent", "cents")
DOLLAR = ("dollar", "dollars", *_CENT)
SIGNS = {
    "$": DOLLAR,
    "US$": ("US dollar", "US dollars", *_CENT),
    "C$": ("Canadian dollar", "Canadian dollars", *_CENT),
    "CA$": ("Canadian dollar", "Canadian dollars", *_CENT),
    "A$": ("Australian dollar", "Australian dollars", *_CENT),
    "AU$": ("Australian dollar", "Australian dollars", *_CENT),
    "NZ$": ("New Zealand dollar", "New Zealand dollars", *_CENT),
    "HK$": ("Hong Kong dollar", "Hong Kong dollars", *_CENT),
    "S$": ("Singapore dollar", "Singapore dollars", *_CENT),
    "€": ("euro", "euros", *_CENT),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "", ""),
    "￥": ("yuan", "yuan", "", ""),
    "₩": ("won", "won", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
CODES = {
    "USD": SIGNS["US$"],
    "CAD": SIGNS["CA$"],
    "AUD": SIGNS["A$"],
    "NZD": SIGNS["NZ$"],
    "HKD": SIGNS["HK$"],
    "SGD": SIGNS["S$"],
    "EUR": SIGNS["€"],
    "GBP": SIGNS["£"],
    "JPY": SIGNS["¥"],
    "CNY": SIGNS["￥"],
    "RMB": SIGNS["￥"],
    "元": SIGNS["￥"],
    "CHF": ("Swiss franc", "Swiss francs", "", ""),
    "INR": SIGNS["₹"],
    "€": SIGNS["€"],
    "£": SIGNS["£"],
    "¥": SIGNS["¥"],
    "￥": SIGNS["￥"],
    "¢": ("cent", "cents", "", ""),
}
"""Currency behind an amount to its singular and plural, and those of its hundredth."""

SCALES = {
    "thousand": "thousand", "million": "million", "billion": "billion", "trillion": "trillion", "k": "thousand",
    "K": "thousand", "m": "million", "M": "million", "mn": "million", "bn": "billion", "B": "billion",
    "T": "trillion",
}  # fmt: skip

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
SHORT_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Sept": 9, "Oct": 10, "Nov": 11,
    "Dec": 12,
}  # fmt: skip
SHORT_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip

TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "Sgt": "Sergeant",
    "Capt": "Captain", "Gen": "General", "Lt": "Lieutenant", "Rev": "Reverend", "Mt": "Mount", "Ft": "Fort",
}  # fmt: skip
"""Abbreviations in front of a name, without their full stop."""
STREETS = {
    "St": "Street", "Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Dr": "Drive", "Ln": "Lane", "Hwy": "Highway",
    "Pkwy": "Parkway", "Sq": "Square",
}  # fmt: skip
"""Abbreviations behind a name."""
PHRASES = {
    "e.g.": "for example", "E.g.": "For example", "i.e.": "that is", "vs.": "versus",
    "approx.": "approximately", "Approx.": "Approximately", "incl.": "including", "excl.": "excluding",
    "w/o": "without", "Ph.D.": "PhD", "c/o": "care of",
}  # fmt: skip
"""Abbreviations that are followed by more."""
LAST = {
    "etc": "et cetera", "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation", "Co": "Company",
    "Jr": "Junior", "Sr": "Senior", "Dept": "Department",
}  # fmt: skip
"""Abbreviations whose full stop may end the sentence too, so it stays where a capital letter follows."""
NUMBERED = {
    "No": "number", "no": "number", "Nos": "numbers", "Nr": "number", "Vol": "volume", "vol": "volume",
    "Fig": "figure", "fig": "figure", "Ch": "chapter", "ch": "chapter", "Sec": "section", "Art": "article",
    "Ext": "extension", "ext": "extension", "Tel": "telephone", "Apt": "apartment", "p": "page", "pp": "pages",
}  # fmt: skip
"""Abbreviations in front of a figure."""
FRACTIONS = {"½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters"}
