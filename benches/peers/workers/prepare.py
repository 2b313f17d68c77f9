"""What the embedding peers need beside themselves: graphs, and texts of exactly 256 tokens."""

import json
import sys

import graphs
from calls import answer
from encoder import MOST_TOKENS, open_tokenizer, padded

SAMPLES = 128
tokenizer = open_tokenizer(sys.argv[1])


def build(folder, samples):
    """Makes all graphs. `samples` is a file of texts such as are embedded."""
    graphs.build(sys.argv[1], folder)
    with open(samples) as lines:
        texts = [json.loads(line)["text"] for _, line in zip(range(SAMPLES), lines)]
    graphs.quantize_for_openvino(folder, [padded([tokenizer.encode(text).ids]) for text in texts])


def full_texts(words_of, into, count):
    """Writes `count` texts of exactly 256 tokens, special ones included, made of the words of a file of texts."""
    with open(words_of) as lines:
        words = " ".join(json.loads(line)["text"] for line in lines).replace("\n", " ").split()
    with open(into, "w") as file:
        for _ in range(count):
            text = full_text(words)
            file.write(json.dumps({"text": text, "fileName": "text.txt"}) + "\n")


def full_text(words):
    """The next words, up to the last that fits; a common word of one token fills what is left."""
    taken, missing = [], MOST_TOKENS - 2
    while words:
        needed = tokens(words[0])
        if needed > missing:
            break
        taken.append(words.pop(0))
        missing -= needed
    text = " ".join(taken + ["the"] * missing)
    if tokens(text) != MOST_TOKENS - 2:
        raise ValueError("a text has another number of tokens than its words")
    return text


def tokens(text):
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


answer({"build": build, "full_texts": full_texts})
