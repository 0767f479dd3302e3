# What the fuzzer does not know by itself, and what it is to look at beside what it looks at anyway.
import json
import os
from collections import Counter

import schemathesis
from hypothesis import strategies as st

FILE = 'name = "Fuzzed"\n[[stages]]\nname = "Open"\n'
# The next version of the workflow that main.rs imports.
SPARE = 'name = "Spare"\n[[stages]]\nname = "Open"\n[[stages]]\nname = "Shut"\n'

# Bodies that are workflow files. Sound ones have a number in them, for the fuzzer sends nothing twice: so there are enough of them.
numbers = st.integers(min_value=0, max_value=999_999)
sound = st.one_of(
    numbers.map(lambda number: FILE.replace("Fuzzed", f"Fuzzed {number}")),
    numbers.map(lambda number: SPARE.replace("Shut", f"Shut {number}")),
)
files = st.one_of(sound, sound, st.text(max_size=200), st.text(max_size=50).map(lambda text: FILE + text))
schemathesis.openapi.media_type("application/toml", files.map(lambda text: text.encode(errors="replace")))

# What says that a request has the wrong shape. What the document calls sound is refused with none of them.
SHAPE = {
    "invalid_json",
    "invalid_body",
    "invalid_parameter",
    "unsupported_media_type",
    "body_too_large",
    "version_required",
    "invalid_secret",
    "invalid_user",
    "invalid_key",
    "method_not_allowed",
}

# Where one of these speaks of a meaning all the same: a cursor of no list, a field that the workflow has not, a workflow
# that is not there, an instant that is over. The document can say nothing of those.
MEANING = {
    "invalid_parameter": ("`_cursor` is no cursor", "`_sort`: tasks of"),
    "invalid_key": ("`workflows`: there is no workflow", "`expires_at` takes an instant to come"),
}

# Whose values are the workflow's own: which field takes what, the document does not say.
VALUES = {"upsertTask", "updateTask", "changeTask", "testStep"}

# The links behind which something is, by who asks for them.
TOKENS = {"acceptInvitation": "ONWARD_FUZZ_TOKEN", "lookAtInvitation": "ONWARD_FUZZ_LOOKED_AT"}

# Most documents are made from the document's example, which is called as a workflow that a file has here. What they are called instead.
EXAMPLE = ("Orders", "orders")
CALLED = {"importWorkflow": ("Imported", "imported"), "saveDefinition": ("Spare", "spare")}

# What else may be refused by its name, since only the workspace knows which there are, or what it was before.
NAMES = {
    "addChecklistItem": {"Stage", "Assigned To"},
    "changeChecklistItem": {"Stage", "Assigned To", "title"},
    # 1 and "1" are one task's name.
    "performOnMany": {"task_ids"},
}


def name_of(case):
    return case.operation.definition.raw["operationId"]


def refused_shape(case, answer):
    """Why an answer says that the request's shape is wrong; None where it does not."""
    code, message = answer.get("code"), answer.get("message", "")
    if code == "invalid_fields":
        if name_of(case) in VALUES or set(answer.get("errors", {})) <= NAMES.get(name_of(case), set()):
            return None
    elif code not in SHAPE or message.startswith(MEANING.get(code, "\0")):
        return None
    return f"{code}: {message}"


@schemathesis.check
def sound_shape(ctx, response, case):
    """What is sound by the document is not refused for its shape."""
    if case.meta is None or not case.meta.generation.mode.is_positive or not 400 <= response.status_code < 500:
        return
    # A method that the document has not is refused, and by another check looked at.
    if case.method.lower() != case.operation.method.lower():
        return
    problem = refused_shape(case, response.json())
    if problem is not None:
        raise AssertionError(f"{name_of(case)} refuses what the document calls sound: {problem}")


@schemathesis.check
class Asked:
    """Counts the answers of each operation, for the test to look at."""

    def __init__(self):
        self.answers = {}

    def after_response(self, ctx, response, case):
        if case.method.lower() == case.operation.method.lower():
            self.answers.setdefault(name_of(case), Counter())[str(response.status_code)] += 1

    def after_run(self, ctx):
        with open(os.environ["ONWARD_FUZZ_ASKED"], "w") as file:
            json.dump(self.answers, file)


@schemathesis.hook
def before_call(context, case, kwargs):
    # No fuzzer guesses a token: whatever text is sent as one is ours.
    token = TOKENS.get(name_of(case))
    if token and isinstance(case.body, dict) and isinstance(case.body.get("token"), str):
        case.body["token"] = os.environ[token]
    called = CALLED.get(name_of(case))
    if called and isinstance(case.body, dict):
        for key, example, own in zip(("name", "id"), EXAMPLE, called):
            if case.body.get(key) == example:
                case.body[key] = own
