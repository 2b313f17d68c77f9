#!/usr/bin/env python3
"""Measures how well files are read: known texts, written by the usual programs in their formats, and read back.

Each text is a document of headings, paragraphs, a list and a table in one language, made of words that are drawn with a
seed. pandoc, LibreOffice, groff, TeX and Chromium write it; what is missing of them is left out, and said. Docent's reader
reads the files in the child process that the server uses. The table tells, for each file, which of its words were lost,
doubled, glued to others or torn, how much stands in its order, the time for a page and the peak memory of the child. Files
in PDF are also read by pdftotext, in the same run.

Needed beside this file: a build of docent, and any of pandoc, soffice, groff, pdflatex, chromium, pdftotext.
"""

import argparse
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata

LIMIT_SECONDS = 60
PARAGRAPHS = 24

VOCABULARY = {
    "en": "harbour tram winter river otter engine letter garden window market bridge copper silver thunder paper candle "
    "mountain evening traveller difficult efficient office flower affine official waffle staffing offline suffix",
    "de": "Hafen Straßenbahn Winter Fluss Fischotter Übung Brief Gärten Fenster Märkte Brücke Kupfer Silber Donner Papier "
    "Kerze Gebirge Abend Reisender schwierig Schifffahrt Büro Blüte Größe Maßstab Öffnung Türschloss",
    "ru": "гавань трамвай зима река выдра двигатель письмо сад окно рынок мост медь серебро гром бумага свеча гора вечер "
    "путник трудный подъезд цветок ёжик объём съезд майор",
    "he": "נמל חשמלית חורף נהר לוטרה מנוע מכתב גינה חלון שוק גשר נחושת כסף רעם נייר נר הר ערב נוסע קשה משרד פרח",
    "zh": "港口 电车 冬天 河流 水獭 引擎 信件 花园 窗户 市场 大桥 黄铜 白银 雷声 纸张 蜡烛 高山 傍晚 旅客 困难 办公 花朵",
}


def sentence(words, language, source):
    chosen = [source.choice(words) for _ in range(source.randint(6, 12))]
    return ("" if language == "zh" else " ").join(chosen) + ("。" if language == "zh" else ".")


def document(language):
    """A text as Markdown, and its words in order."""
    source = random.Random(f"docent-{language}")
    words = VOCABULARY[language].split()
    lines = []
    for index in range(PARAGRAPHS):
        if index % 6 == 0:
            lines += [f"## {' '.join(source.choice(words) for _ in range(3))}", ""]
        lines += [" ".join(sentence(words, language, source) for _ in range(source.randint(3, 6))), ""]
        if index % 8 == 3:
            lines += [f"- {source.choice(words)} {source.choice(words)}" for _ in range(4)] + [""]
        if index % 8 == 6:
            rows = [[source.choice(words) for _ in range(3)] for _ in range(4)]
            lines += ["| " + " | ".join(rows[0]) + " |", "| --- | --- | --- |"]
            lines += ["| " + " | ".join(row) + " |" for row in rows[1:]] + [""]
    markdown = "\n".join(lines)
    return markdown, tokens(markdown)


def tokens(text):
    """Words; in Chinese each character is one."""
    text = unicodedata.normalize("NFKC", text)
    return re.findall(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+", text)


def compare(expected, found, language):
    lost, extra = count(expected), {}
    for word in found:
        if lost.get(word, 0) > 0:
            lost[word] -= 1
        else:
            extra[word] = extra.get(word, 0) + 1
    known = set(expected)
    pairs = {one + other for one, other in zip(expected, expected[1:])}
    doubled = sum(number for word, number in extra.items() if word in known)
    glued = sum(number for word, number in extra.items() if word not in known and word in pairs)
    torn = sum(number for word, number in extra.items() if word not in known and word not in pairs)
    matcher = difflib.SequenceMatcher(None, expected, found, autojunk=False)
    in_order = sum(block.size for block in matcher.get_matching_blocks())
    return {
        "words": len(expected),
        "lost": sum(lost.values()),
        "doubled": doubled,
        "glued": glued,
        "torn": torn,
        "order": 100 * in_order / max(1, len(expected)),
    }


def count(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def run(*command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300, **options)


class Writers:
    """The programs that are there, and what they write."""

    def __init__(self, folder):
        self.folder = folder
        self.missing = [name for name in ("pandoc", "soffice", "groff", "pdflatex", "chromium") if not shutil.which(name)]

    def write(self, language, markdown):
        """Gives writer and path of each file."""
        base = os.path.join(self.folder, language)
        source = base + ".md"
        with open(source, "w", encoding="utf-8") as file:
            file.write(markdown)
        for name, extension, make in self.steps(language, source, base):
            path = f"{base}.{name.replace(' ', '-')}.{extension}"
            try:
                make(path)
            except (OSError, subprocess.SubprocessError) as error:
                print(f"{name} wrote no {extension} in {language}: {error}", file=sys.stderr)
                continue
            if os.path.exists(path):
                yield name, path

    def steps(self, language, source, base):
        if "pandoc" not in self.missing:
            lang = ["-M", f"lang={language}"] + (["-M", "dir=rtl"] if language == "he" else [])
            for extension in ("docx", "odt", "pptx", "epub", "rtf", "html", "rst", "ipynb"):
                yield "pandoc", extension, lambda path: run("pandoc", "-s", *lang, source, "-o", path)
            yield "pandoc", "tex", lambda path: run("pandoc", "-s", *lang, source, "-t", "latex", "-o", path)
            yield "pandoc", "adoc", lambda path: run("pandoc", "-s", *lang, source, "-t", "asciidoc", "-o", path)
            yield "pandoc", "xml", lambda path: run("pandoc", "-s", *lang, source, "-t", "docbook", "-o", path)
            if "soffice" not in self.missing:
                for extension in ("pdf", "rtf", "docx", "odt"):
                    yield "LibreOffice", extension, lambda path: self.office(f"{base}.pandoc.docx", path)
                yield "LibreOffice", "html", lambda path: self.office(f"{base}.pandoc.docx", path)
            if "pdflatex" not in self.missing and language in ("en", "de"):
                yield "TeX", "pdf", lambda path: self.tex(source, path, "onecolumn")
                yield "TeX columns", "pdf", lambda path: self.tex(source, path, "twocolumn")
            if "groff" not in self.missing and language == "en":
                yield "groff", "pdf", lambda path: self.groff(source, path)
            if "chromium" not in self.missing:
                yield "Chromium", "pdf", lambda path: self.chromium(f"{base}.pandoc.html", path, "")
                style = "body { columns: 2; max-width: none } table { break-inside: avoid }"
                yield "Chromium columns", "pdf", lambda path: self.chromium(f"{base}.pandoc.html", path, style)

    def office(self, source, path):
        extension = path.rsplit(".", 1)[1]
        with tempfile.TemporaryDirectory() as folder:
            profile = f"-env:UserInstallation=file://{folder}/profile"
            run("soffice", profile, "--headless", "--convert-to", extension, "--outdir", folder, source)
            made = os.path.join(folder, os.path.basename(source).rsplit(".", 1)[0] + "." + extension)
            shutil.move(made, path)

    def tex(self, source, path, columns):
        with tempfile.TemporaryDirectory() as folder:
            body = subprocess.run(["pandoc", source, "-t", "latex"], check=True, capture_output=True, text=True).stdout
            # Long tables stand in one column only.
            body = body.replace("longtable", "tabular").replace("[]{@{}", "{@{}").replace("\\endhead", "")
            for rule in ("toprule", "midrule", "bottomrule"):
                body = body.replace("\\" + rule, "\\hline")
            packages = "\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}"
            packages += "\\def\\tightlist{}\\usepackage[hidelinks]{hyperref}"
            with open(os.path.join(folder, "a.tex"), "w", encoding="utf-8") as file:
                file.write(f"\\documentclass[{columns}]{{article}}{packages}\\begin{{document}}\n{body}\n\\end{{document}}")
            run("pdflatex", "-interaction=batchmode", "a.tex", cwd=folder)
            shutil.move(os.path.join(folder, "a.pdf"), path)

    def groff(self, source, path):
        text = subprocess.run(["pandoc", source, "-t", "ms"], check=True, capture_output=True).stdout
        with open(path, "wb") as file:
            subprocess.run(["groff", "-k", "-t", "-ms", "-Tpdf"], input=text, stdout=file, check=True, stderr=subprocess.DEVNULL)

    def chromium(self, source, path, style):
        page = path + ".html"
        with open(source, encoding="utf-8") as file, open(page, "w", encoding="utf-8") as out:
            out.write(file.read().replace("</head>", f"<style>{style}</style></head>"))
        with tempfile.TemporaryDirectory() as folder:
            run("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}",
                "--no-pdf-header-footer", f"--print-to-pdf={path}", page)


def read(server, pdfium, path):
    """What the reader made of a file, its seconds and its peak memory in MiB."""
    with open(path, "rb") as file:
        content = file.read()
    task = {
        "file_name": os.path.basename(path), "declared_type": None, "length": len(content), "memory_bytes": 1 << 30,
        "cpu_seconds": LIMIT_SECONDS, "max_text_bytes": 32 << 20, "pdfium": pdfium, "unpacks": False,
    }
    started = time.monotonic()
    child = subprocess.Popen([server, "extract-child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env={"MALLOC_ARENA_MAX": "1"})
    child.stdin.write(json.dumps(task).encode() + b"\n" + content)
    child.stdin.flush()
    answer = child.stdout.read()
    seconds = time.monotonic() - started
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdin.close()
    answer = json.loads(answer) if child.returncode == 0 else {"Err": {"message": f"exit {child.returncode}"}}
    return answer, seconds, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="the docent program")
    parser.add_argument("--library-dir", required=True, help="where PDFium is installed")
    parser.add_argument("--json", help="write the figures to this file")
    arguments = parser.parse_args()
    libraries = [name for name in os.listdir(arguments.library_dir) if name.startswith("libpdfium.") and "whl" not in name]
    pdfium = os.path.abspath(os.path.join(arguments.library_dir, libraries[0])) if libraries else None

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        writers = Writers(folder)
        for language in VOCABULARY:
            markdown, expected = document(language)
            for writer, path in writers.write(language, markdown):
                kind = path.rsplit(".", 1)[1]
                answer, seconds, memory = read(arguments.server, pdfium, path)
                row = {"format": kind, "writer": writer, "language": language, "reader": "docent"}
                if "Ok" in answer:
                    pages = max(1, len(answer["Ok"]["page_starts"]))
                    row |= compare(expected, tokens(answer["Ok"]["text"]), language)
                    row |= {"ms": 1000 * seconds / pages, "mib": memory}
                else:
                    row |= {"error": answer["Err"]["message"]}
                rows.append(row)
                if kind == "pdf" and shutil.which("pdftotext"):
                    started = time.monotonic()
                    text = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=False).stdout
                    seconds = time.monotonic() - started
                    row = {"format": kind, "writer": writer, "language": language, "reader": "pdftotext"}
                    row |= compare(expected, tokens(text), language)
                    rows.append(row | {"ms": 1000 * seconds / max(1, text.count("\f")), "mib": 0})

    print(f"{'format':7} {'written by':17} {'lang':5} {'read by':10} {'words':>6} {'lost':>5} {'twice':>6} {'glued':>6} "
          f"{'torn':>5} {'order':>7} {'ms/page':>8} {'MiB':>5}")
    for row in sorted(rows, key=lambda row: (row["format"], row["writer"], row["language"], row["reader"])):
        head = f"{row['format']:7} {row['writer']:17} {row['language']:5} {row['reader']:10}"
        if "error" in row:
            print(f"{head} {row['error']}")
            continue
        print(f"{head} {row['words']:6} {row['lost']:5} {row['doubled']:6} {row['glued']:6} {row['torn']:5} "
              f"{row['order']:6.1f}% {row['ms']:8.1f} {row['mib']:5.0f}")
    for name in writers.missing:
        print(f"{name} is not installed: what it writes is left out.")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
