"""A collection that moves to a model on another server, and back: it must rank like collections that never had another model. And
questions in German and French about English texts.
"""

import time

from harness.docent import create_collection, follow, ingest, register, settle, succeed
from harness.endpoint import NAME, Endpoint
from harness.process import CannotRun
from harness.report import Table, figure
from harness.scifact import ndcg
from harness.search import ranked

REINDEX = "mutation($input: CollectionReindexInput!) { collectionReindex(input: $input) { operation { id } userErrors { message } } }"
LOCAL = "all-MiniLM-L6-v2"
# How far the quality of a collection that was moved may be from that of one that was not.
TOLERANCE = 0.01

# SciFact's claims in other languages.
TRANSLATED = {
    "5% of perinatal mortality is due to low birth weight.": (
        "5 % der perinatalen Sterblichkeit sind auf ein niedriges Geburtsgewicht zurückzuführen.",
        "5 % de la mortalité périnatale est due à un faible poids de naissance.",
    ),
    "A deficiency of vitamin B12 increases blood levels of homocysteine.": (
        "Ein Mangel an Vitamin B12 erhöht den Homocysteinspiegel im Blut.",
        "Une carence en vitamine B12 augmente le taux d'homocystéine dans le sang.",
    ),
    "ALDH1 expression is associated with better breast cancer outcomes.": (
        "Die Expression von ALDH1 geht mit einem besseren Verlauf von Brustkrebs einher.",
        "L'expression d'ALDH1 est associée à une meilleure évolution du cancer du sein.",
    ),
    "Activation of PPM1D suppresses p53 function.": (
        "Die Aktivierung von PPM1D unterdrückt die Funktion von p53.",
        "L'activation de PPM1D supprime la fonction de p53.",
    ),
    "Albendazole is used to treat lymphatic filariasis.": (
        "Albendazol wird zur Behandlung der lymphatischen Filariose eingesetzt.",
        "L'albendazole est utilisé pour traiter la filariose lymphatique.",
    ),
    "All hematopoietic stem cells segregate their chromosomes randomly.": (
        "Alle blutbildenden Stammzellen verteilen ihre Chromosomen zufällig.",
        "Toutes les cellules souches hématopoïétiques répartissent leurs chromosomes au hasard.",
    ),
    "Anthrax spores can be disposed of easily after they are dispersed.": (
        "Milzbrandsporen lassen sich leicht beseitigen, nachdem sie freigesetzt wurden.",
        "Les spores du charbon s'éliminent facilement après avoir été dispersées.",
    ),
    "Antibiotic induced alterations in the gut microbiome reduce resistance against Clostridium difficile": (
        "Durch Antibiotika verursachte Veränderungen der Darmflora verringern die Widerstandskraft gegen Clostridium difficile.",
        "Les altérations du microbiote intestinal dues aux antibiotiques réduisent la résistance à Clostridium difficile.",
    ),
    "Antiretroviral therapy reduces rates of tuberculosis across a broad range of CD4 strata.": (
        "Eine antiretrovirale Therapie senkt die Häufigkeit von Tuberkulose bei sehr unterschiedlichen CD4-Werten.",
        "Le traitement antirétroviral réduit la fréquence de la tuberculose pour une large gamme de taux de CD4.",
    ),
    "Angiotensin converting enzyme inhibitors are associated with increased risk for functional renal insufficiency.": (
        "ACE-Hemmer gehen mit einem erhöhten Risiko für eine funktionelle Niereninsuffizienz einher.",
        "Les inhibiteurs de l'enzyme de conversion sont associés à un risque accru d'insuffisance rénale fonctionnelle.",
    ),
}


def run(stage):
    endpoint = Endpoint(stage.arguments.folder, stage.scratch)
    try:
        endpoint.configure(stage.docent.data_dir("models"))
        server = stage.docent.serve("models")
        try:
            with register(server.base) as client:
                measure(stage, server, client)
        finally:
            server.stop()
    finally:
        endpoint.stop()


def measure(stage, server, client):
    documents = stage.scifact.documents[: stage.size(1000, 60)]
    kept = {uri for uri, _ in documents}
    queries = [(text, relevant) for text, relevant in stage.scifact.queries if relevant <= kept]
    fresh = {model: create_collection(client, model, embeddingModel=model) for model in (LOCAL, NAME)}
    moved = create_collection(client, "Moved", embeddingModel=LOCAL)
    for collection in (*fresh.values(), moved):
        follow(client, ingest(client, collection, documents), 120 + 4 * len(documents))
    settle(server)
    table = Table("Moving between models", ["model", "queries", "nDCG@10 fresh", "nDCG@10 moved", "same best ten", "move, s"])
    for model in (NAME, LOCAL):
        took = move(client, moved, model, len(documents))
        settle(server)
        one, other = (rankings(client, collection, queries) for collection in (fresh[model], moved))
        qualities = [quality(queries, each) for each in (one, other)]
        same = sum(set(a) == set(b) for a, b in zip(one, other, strict=True)) / len(one)
        table.row(model, len(queries), figure(qualities[0], 4), figure(qualities[1], 4), figure(same, 3), figure(took, 1))
        if abs(qualities[0] - qualities[1]) > TOLERANCE:
            raise CannotRun(f"{model}: moved {qualities[1]:.4f}, fresh {qualities[0]:.4f}")
    stage.report.publish(table)
    languages(stage, client, fresh, dict(queries))


def move(client, collection, model, count):
    started = time.monotonic()
    operation = succeed(client, REINDEX, {"collectionId": collection, "embeddingModel": model})["operation"]["id"]
    follow(client, [operation], 120 + 4 * count)
    return time.monotonic() - started


def rankings(client, collection, queries):
    return [ranked(client, collection, text, "SEMANTIC") for text, _ in queries]


def quality(queries, found):
    return sum(ndcg(ranking, relevant) for ranking, (_, relevant) in zip(found, queries, strict=True)) / len(found)


def languages(stage, client, fresh, relevant):
    """How often one of the ten best answers a claim in another language."""
    asked = {claim: texts for claim, texts in TRANSLATED.items() if claim in relevant}
    table = Table("Claims found among the ten best", ["model", "claims", "English", "German", "French"])
    for model, collection in fresh.items():
        found = [0, 0, 0]
        for claim, translated in asked.items():
            for place, text in enumerate((claim, *translated)):
                found[place] += bool(relevant[claim] & set(ranked(client, collection, text, "SEMANTIC")))
        table.row(model, len(asked), *found)
    stage.report.publish(table)
    stage.report.goal("German and French claims found with the multilingual model", sum(found[1:]) / (2 * len(asked)), at_least=0.9)
