"""What counting words makes of the very rows that a run of --task=classification is judged by.

    python -m benchmarks.sentiment --model_dir=runs/sentiment
    python -m benchmarks.sentiment --model_dir=runs/minilm --embeddings=FOLDER

Naive Bayes and logistic regression over bags of words, and the class that is most frequent, trained
on the rows that the run was trained on and judged by those that it held out: its dataset or files,
its split. scikit-learn's own settings throughout; none was chosen by looking at the results. With
--embeddings also the nearest neighbours of sentence embeddings, by an encoder that is not trained:
how many of them vote is chosen by cross-validation on the training rows.
"""

import argparse
from pathlib import Path

from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import tfzoo
from tfzoo import flags
from tfzoo.data.examples import sides
from tfzoo.tasks import scores
from tfzoo.training import preparation
from tfzoo.training.config import TrainConfig

NEIGHBOURS = [1, 5, 15, 45, 135]


def baselines(embeddings=None):
    """Name to a new classifier of texts.

    Args:
        embeddings: path of an encoder's folder, as for `tfzoo.load`, or None.
    """
    counting = _counting_words()
    return counting if embeddings is None else counting | _nearest_neighbours(embeddings)


def _nearest_neighbours(folder):
    neighbours = GridSearchCV(KNeighborsClassifier(metric="cosine"), {"n_neighbors": NEIGHBOURS})
    embed = FunctionTransformer(lambda texts: tfzoo.load(folder).embed(texts))
    return {"nearest neighbours, sentence embeddings": make_pipeline(embed, neighbours)}


def _counting_words():
    return {
        "majority class": make_pipeline(CountVectorizer(), DummyClassifier()),
        "naive Bayes, words": make_pipeline(CountVectorizer(), MultinomialNB()),
        "naive Bayes, words and pairs": make_pipeline(
            CountVectorizer(ngram_range=(1, 2)), MultinomialNB()
        ),
        "logistic regression, words": make_pipeline(
            CountVectorizer(), LogisticRegression(max_iter=1000)
        ),
        "logistic regression, tf-idf of words and pairs": make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000)
        ),
    }


def rows_of(config):
    """The texts and labels that a run is trained on, and those that it is judged by."""
    source = preparation.open_data(config, config.dataset, config.text_files)
    rows = {sides.TRAIN: [], sides.VALIDATION: []}
    held_out = (config.validation_fraction, sides.SPLIT_BY[source.kind])
    for example in source.examples():
        use = (
            sides.TRAIN if config.validation_files else sides.side(example, source.kind, *held_out)
        )
        rows[use].append(example)
    if config.validation_files:
        files = config.validation_files
        others = preparation.open_data(config, None, files, "--validation_files")
        rows[sides.VALIDATION] = list(others.examples())
    return tuple(
        ([_text(row) for row in rows[use]], [row["label"] for row in rows[use]])
        for use in (sides.TRAIN, sides.VALIDATION)
    )


def confusions_of(config, embeddings=None):
    """Name to counts (n, n) of each baseline, and the n classes in their order."""
    (texts, labels), (unseen, truth) = rows_of(config)
    classes = sorted({*labels, *truth})
    found = {
        name: classifier.fit(texts, labels).predict(unseen)
        for name, classifier in baselines(embeddings).items()
    }
    return {
        name: confusion_matrix(truth, guesses, labels=classes) for name, guesses in found.items()
    }, classes


def table(confusions, classes):
    """The scores in markdown, in the words that training uses for its own."""
    names = ["accuracy", "matthews", "f1 macro", *(f"f1 {label}" for label in classes)]
    rows = [["", *names], ["---"] * (len(names) + 1)]
    for name, confusion in confusions.items():
        f1 = scores.f1(confusion)
        values = [scores.accuracy(confusion), scores.matthews(confusion), f1.mean(), *f1]
        rows.append([name, *(f"{value:.4f}" for value in values)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _text(row):
    pair = row.get("text_pair")
    return row["text"] if pair is None else f"{row['text']} {pair}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", required=True, help="Folder of the run.")
    parser.add_argument("--embeddings", help="Folder of an encoder, as for tfzoo.load.")
    given = parser.parse_args()
    config = flags.read(TrainConfig, Path(given.model_dir) / "train.flags")
    confusions, classes = confusions_of(config, given.embeddings)
    num_rows = next(iter(confusions.values())).sum()
    print(f"{num_rows:,} rows of {config.dataset or ', '.join(config.text_files)}, held out:\n")
    print(table(confusions, classes))


if __name__ == "__main__":
    main()
