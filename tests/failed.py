#!/usr/bin/env python3
"""Prints what failed in a run of ctest, and the end of what each of it wrote: failed.py JUNIT-FILE

For the reader of a log, who otherwise has to look for it among everything that passed.
"""
import sys
import xml.etree.ElementTree

LINES = 40

for test in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter('testcase'):
    if test.get('status') == 'fail':
        print(f'\n==> {test.get("name")} failed after {float(test.get("time")):.0f} s; the end of its output:')
        print('\n'.join((test.findtext('system-out') or '').rstrip().splitlines()[-LINES:]))
