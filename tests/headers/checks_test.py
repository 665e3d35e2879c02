#!/usr/bin/env python3
"""The checks of this folder find what they are for. Usage: checks_test.py COMPILER"""
import pathlib
import sys
import tempfile
import unittest

import floors
import public_headers

COMPILER = [sys.argv.pop()]


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Floors(Tree):
    def expect(self, *expected):
        found = list(floors.violations(self.root))
        self.assertEqual(len(found), len(expected), found)
        for line, part in zip(found, expected):
            self.assertIn(part, line)

    def test_down_is_fine(self):
        self.write('core/a.hpp', '#include <fairlead/result.hpp>\n#include <string>\n')
        self.write('publish/b.cpp', '#include "core/a.hpp"\n')
        self.write('kafka/c.cpp', '#include "core/a.hpp"\n#include <librdkafka/rdkafka.h>\n')
        self.expect()

    def test_up(self):
        self.write('core/a.cpp', '#include "publish/b.hpp"\n')
        self.write('publish/b.hpp', '')
        self.expect('leads up')

    def test_sideways(self):
        self.write('kafka/a.cpp', '#include "amqp/b.hpp"\n')
        self.write('amqp/b.hpp', '')
        self.write('config/c.cpp', '#include "observe/d.hpp"\n')
        self.write('observe/d.hpp', '')
        self.expect('leads sideways', 'leads sideways')

    def test_unknown_room_and_missing_file(self):
        self.write('attic/a.cpp', '')
        self.write('core/b.cpp', '#include "b.hpp"\n')
        self.write('core/b.hpp', '')
        self.expect('no floor', 'not a path')

    def test_vendor_in_the_wrong_room(self):
        self.write('core/a.cpp', '#  include <openssl/ssl.h>\n')
        self.write('kafka/b.cpp', '#include <amqp.h>\n')
        self.write('cli/c.cpp', '#include <boost/url.hpp>\n')
        self.expect('belongs to no room', 'belongs to amqp', 'belongs to amqp')

    def test_vendor_in_a_second_file(self):
        self.write('observe/a.cpp', '#include <spdlog/spdlog.h>\n')
        self.write('observe/b.cpp', '#include <fmt/core.h>\n')
        self.expect('expected one')

    def test_an_empty_folder_is_not_a_success(self):
        self.expect('no sources')


class PublicHeaders(Tree):
    def header(self, name, text):
        self.write('include/fairlead/' + name, '#pragma once\n' + text)

    def found(self, check):
        return '\n'.join(check(self.root / 'include', COMPILER))

    def test_not_alone(self):
        self.header('a.hpp', 'inline std::string name();\n')
        self.assertIn('a.hpp does not compile alone', self.found(public_headers.alone))

    def test_vendor_through_another_header(self):
        self.header('a.hpp', '#include <fairlead/b.hpp>\n')
        self.header('b.hpp', f'#include "{self.root}/nlohmann/json.hpp"\n')
        self.write('nlohmann/json.hpp', '')
        self.assertIn('a.hpp reaches', self.found(public_headers.vendors))

    def test_heavy_standard_header(self):
        self.header('a.hpp', '#include <mutex>\n')
        self.assertIn('a.hpp includes <mutex>', self.found(public_headers.vendors))

    def test_header_missing_from_the_umbrella(self):
        self.header('fairlead.hpp', '')
        self.header('a.hpp', '')
        self.assertIn('a.hpp is not in', self.found(public_headers.weight))

    def test_heavy_umbrella(self):
        self.header('fairlead.hpp', 'int x();\n' * 100_000)
        self.assertIn('more than 100000', self.found(public_headers.weight))


if __name__ == '__main__':
    unittest.main()
