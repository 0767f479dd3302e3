# What the fuzzer does not know by itself: bodies that are workflow files.
import schemathesis
from hypothesis import strategies as st

FILE = 'name = "Fuzzed"\n[[stages]]\nname = "Open"\n'
files = st.one_of(st.just(FILE), st.text(max_size=200), st.text(max_size=50).map(lambda text: FILE + text))
schemathesis.openapi.media_type("application/toml", files.map(lambda text: text.encode(errors="replace")))
