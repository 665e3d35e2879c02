#!/usr/bin/env python3
"""Every C++ snippet of README.md is, word for word, the example it names, which the build compiles and the tests run."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
text = (root / "README.md").read_text(encoding="utf-8")
named = re.findall(r"<!-- (\S+) -->\n```cpp\n(.*?)```", text, re.S)
if len(named) != text.count("```cpp"):
    sys.exit("a C++ snippet of README.md does not name the example it comes from")
for path, snippet in named:
    if snippet.strip() not in (root / path).read_text(encoding="utf-8"):
        sys.exit(f"README.md: the snippet is not what {path} says")
print(f"{len(named)} snippet(s) checked")
