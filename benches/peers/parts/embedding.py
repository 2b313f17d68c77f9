"""Embedding alone: the same texts of 256 tokens through ONNX Runtime, OpenVINO and Docent, with one thread and with two, and
questions of 12 tokens one after the other. Only those take part whose vectors say the same.

Docent's figures are those of `docent model benchmark`. Its processor time is that of a run over all texts less that of a run over
one, because the command loads the model, too.
"""

import json

from harness.process import CannotRun
from harness.report import Rounds, Table, figure, ratio
from parts.agreement import Agreement

PEERS = {
    "onnxruntime-f32": "ONNX Runtime f32",
    "onnxruntime-int8": "ONNX Runtime int8",
    "openvino-f32": "OpenVINO f32",
    "openvino-bf16": "OpenVINO bf16",
    "openvino-int8": "OpenVINO int8",
}
DOCENT = {"f32": "Docent f32", "int8": "Docent int8"}
LEAST_RATIO = {"ONNX Runtime f32": 1.1, "OpenVINO f32": 1.0, "ONNX Runtime int8": 1.5}
MOST_QUESTION_MS = {"Docent f32": 2.0, "Docent int8": 1.0}


def run(stage):
    full, peers = stage.file("full.jsonl"), agreeing(stage)
    stage.prepare("full_texts", words_of=stage.texts, into=full, count=stage.size(256, 16))
    for threads in (1, 2):
        measure(stage, peers, full, threads)


def agreeing(stage):
    """The peers that embed as the first one does, once it is known that Docent does, too."""
    agreement, found = Agreement(stage), {}
    for variant, who in PEERS.items():
        with stage.measuring(who):
            if variant.endswith("bf16") and not has_bf16():
                raise CannotRun("this processor has no instructions for bf16")
            agreement.of_peer(variant, who)
            found[variant] = who
    for precision, who in DOCENT.items():
        with stage.measuring(f"agreement of {who}"):
            agreement.of_docent(precision, who)
    agreement.publish()
    return found


def has_bf16():
    with open("/proc/cpuinfo") as file:
        flags = file.read()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def measure(stage, peers, full, threads):
    rounds, workers, able = Rounds(), {}, []
    try:
        for variant, who in peers.items():
            with stage.measuring(f"{who}, {threads} threads"):
                workers[variant] = stage.runtime(variant, threads)
                workers[variant].call("question", count=1)
        for precision, who in DOCENT.items():
            with stage.measuring(f"{who}, {threads} threads"):
                rehearse(stage, precision, full, threads)
                able.append(precision)
        for _ in stage.each_round(f"embedding, {threads} threads"):
            for variant, worker in workers.items():
                rounds.add("", peers[variant], **of_peer(stage, worker, full))
            for precision in able:
                rounds.add("", DOCENT[precision], **of_docent(stage, precision, full, threads))
    finally:
        for worker in workers.values():
            worker.stop()
    publish(stage, rounds, threads)


def of_peer(stage, worker, full):
    before = worker.cpu_seconds()
    told = worker.call("throughput", file=full)
    cpu = worker.cpu_seconds() - before
    return figures(told, cpu, worker.call("question", count=stage.size(200, 20)))


def of_docent(stage, precision, full, threads):
    told, cpu = benchmark(stage, precision, full, threads)
    _, beside = benchmark(stage, precision, one_of(stage, full), threads)
    return figures(told, cpu - beside, told["questionMs"])


def figures(told, cpu, question_ms):
    return {"rate": told["tokens"] / told["seconds"], "cpu": 1e6 * cpu / told["tokens"], "question": question_ms}


def rehearse(stage, precision, full, threads):
    """Fails unless Docent has the precision, and takes the texts as the peers do: whole."""
    told, _ = benchmark(stage, precision, full, threads)
    if (told["chunks"], told["tokens"]) != (told["texts"], 256 * told["texts"]):
        raise CannotRun(f"it made {told['chunks']} chunks with {told['tokens']} tokens of {told['texts']} texts")


def benchmark(stage, precision, file, threads):
    command = ["model", "benchmark", "--json", "--precision", precision, "--file", file]
    told, cpu = stage.docent.run("embedding", *command, EMBEDDING__THREADS=threads)
    return json.loads(told.splitlines()[-1]), cpu


def one_of(stage, full):
    path = stage.file("one.jsonl")
    with open(full) as texts, open(path, "w") as file:
        file.write(texts.readline())
    return path


def publish(stage, rounds, threads):
    columns = ["embedding", "tokens/s", "CPU s a million tokens", "12-token question, ms", "Docent's rate over it", "Docent's question over it"]
    table = Table(f"Embedding, 256 tokens, threads: {threads}", columns)
    for who in [*PEERS.values(), *DOCENT.values()]:
        rate, cpu, question = (rounds.median("", who, name) for name in ("rate", "cpu", "question"))
        if rate is None:
            continue
        # Docent is compared with peers of its precision.
        own = None if who in DOCENT.values() else DOCENT.get(who.split()[-1])
        faster, slower = (ratio(rounds.median("", own, name), theirs) for name, theirs in [("rate", rate), ("question", question)])
        table.row(who, figure(rate), figure(cpu, 1), figure(question, 2), figure(faster, 2), figure(slower, 2))
        if who in LEAST_RATIO:
            stage.report.goal(f"embedding, threads: {threads}, rate over {who}", faster, at_least=LEAST_RATIO[who])
        if who in MOST_QUESTION_MS:
            stage.report.goal(f"12-token question, threads: {threads}, {who}, ms", question, at_most=MOST_QUESTION_MS[who])
    stage.report.publish(table)
