"""The 64 Morse codes that are the classes of the Morse data sets.

Letters, digits and most of the punctuation are those of Recommendation ITU-R M.1677-1. It defines too few codes of at
most six elements to make 64, so the exclamation mark, semicolon, underscore and the letters of other alphabets follow
common usage, as in the published data sets (Dey, Chugg, Beerel, ICCCNT 2018). Their code book gives the left
parenthesis and Ĥ the same code, which no classifier can tell apart; È takes the place of Ĥ here, so all codes differ.
No code has six dashes, hence none is longer than 57 cells with the longest dashes and spaces.
"""

_LETTERS = {
    "A": ".-",
    "B": "-...",
    "C": "-.-.",
    "D": "-..",
    "E": ".",
    "F": "..-.",
    "G": "--.",
    "H": "....",
    "I": "..",
    "J": ".---",
    "K": "-.-",
    "L": ".-..",
    "M": "--",
    "N": "-.",
    "O": "---",
    "P": ".--.",
    "Q": "--.-",
    "R": ".-.",
    "S": "...",
    "T": "-",
    "U": "..-",
    "V": "...-",
    "W": ".--",
    "X": "-..-",
    "Y": "-.--",
    "Z": "--..",
}
_DIGITS = {
    "0": "-----",
    "1": ".----",
    "2": "..---",
    "3": "...--",
    "4": "....-",
    "5": ".....",
    "6": "-....",
    "7": "--...",
    "8": "---..",
    "9": "----.",
}
_PUNCTUATION = {
    ".": ".-.-.-",
    ",": "--..--",
    ":": "---...",
    "?": "..--..",
    "'": ".----.",
    "-": "-....-",
    "/": "-..-.",
    "(": "-.--.",
    ")": "-.--.-",
    '"': ".-..-.",
    "=": "-...-",
    "+": ".-.-.",
    "@": ".--.-.",
    "!": "-.-.--",
    ";": "-.-.-.",
    "_": "..--.-",
}
_OTHER_ALPHABETS = {
    "Ä": ".-.-",
    "Ç": "-.-..",
    "CH": "----",
    "Ð": "..--.",
    "É": "..-..",
    "È": ".-..-",
    "Ĝ": "--.-.",
    "Ĵ": ".---.",
    "Ñ": "--.--",
    "Ö": "---.",
    "Ŝ": "...-.",
    "Ü": "..--",
}

CODES: dict[str, str] = {**_LETTERS, **_DIGITS, **_PUNCTUATION, **_OTHER_ALPHABETS}
"""Symbol to code, in the order of the class numbers 0..63."""
