"""What aioxide has reported of the programs that the tests of a suite are, by place."""

import json
import pathlib
import sys
from dataclasses import dataclass, field

LOOP = "aioxide"
# So many tests are named with a place.
TESTS = 5
FOLDER = pathlib.Path(__file__).resolve().parents[2] / ".dev" / "reports"


def add_option(parser):
    parser.add_argument(
        "--reports",
        nargs="?",
        type=pathlib.Path,
        const=FOLDER,
        metavar="FOLDER",
        help="with every check of aioxide's on; what it reports goes to FOLDER/NAME-X.Y.json",
    )


@dataclass
class Place:
    """Reports that say the same of one place."""

    way: str
    kind: str
    site: str
    text: str
    count: int = 0
    tests: list[str] = field(default_factory=list)

    def fields(self):
        text = json.loads(self.text) if self.kind == "blocked" else self.text.splitlines()
        return {
            "count": self.count,
            "way": self.way,
            "kind": self.kind,
            "site": self.site.splitlines(),
            "tests": self.tests[:TESTS],
            "in-tests": len(self.tests),
            "first": text,
        }


@dataclass
class Heard:
    """The reports of a run, by place."""

    places: dict[tuple[str, str, str], Place] = field(default_factory=dict)

    def add(self, test_id, event):
        key = (event["way"], event["kind"], event["site"])
        place = self.places.setdefault(key, Place(*key, event["text"]))
        place.count += 1
        if test_id not in place.tests:
            place.tests.append(test_id)

    def counts(self):
        """How many reports, and at how many places, by way and kind."""
        counts = {}
        for (way, kind, _), place in sorted(self.places.items()):
            reports, places = counts.get((way, kind), (0, 0))
            counts[way, kind] = reports + place.count, places + 1
        return counts

    def write(self, folder, name):
        """Write the places, those with the most reports first of each kind; the file's path."""
        path = folder / "{}-{}.{}.json".format(name, *sys.version_info)
        folder.mkdir(parents=True, exist_ok=True)
        places = sorted(self.places.values(), key=lambda one: (one.way, one.kind, -one.count))
        text = json.dumps([place.fields() for place in places], indent=1, ensure_ascii=False)
        path.write_text(text + "\n")
        return path
