#!/usr/bin/env python3
# conformance.py - the same questions to Meridian, NSD and Knot; every difference is explained in a table or is a bug.
# SPDX-License-Identifier: Apache-2.0
#
# An answer is cut into fields (rcode, flags, sections as sets of records ...). Where NSD and Knot agree on a field, Meridian must
# agree; where they do not, it must agree with one of them. A row of differences.txt allows something else for the questions it
# names, states what each of the three says (checked), and why that is right. A row that nothing needs is an error as well.
import argparse
import fnmatch
import itertools
import pathlib
import re
import struct
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'lab'))
import dns  # noqa: E402
import process  # noqa: E402
import servers  # noqa: E402

IDENTITY = 'pop-test'
FIELDS = ('reply', 'rcode', 'flags', 'question', 'answer', 'authority', 'additional', 'edns')
LINT = 'lint'  # the field of what lint() says of Meridian's answer alone
SILENCE_S = 0.6  # an authoritative server on loopback answers in far less
FLAGS = ('QR', 'AA', 'TC', 'RD', 'RA', 'Z', 'AD', 'CD')


class Question:
    def __init__(self, text, query, transport, where):
        self.text, self.query, self.transport, self.where = text, query, transport, where


def expand(text):
    """'a{b,c}d' to 'abd', 'acd'; several groups multiply."""
    parts = re.split(r'\{([^{}]*)\}', text)
    choices = [part.split(',') if i % 2 else [part] for i, part in enumerate(parts)]
    return [''.join(choice) for choice in itertools.product(*choices)]


def build(name, qtype, way):
    """A question from its three words; see questions/README of the format in README.md."""
    options, flags, opcode, qclass, edns, version, dnssec_ok, transport = [], 0, 0, 'IN', None, 0, False, 'udp'
    for word in way.split('+'):
        key, _, value = word.partition('=')
        if key in ('udp', 'tcp'):
            transport = key
        elif key == 'edns':
            edns = int(value or 1232)
        elif key == 'do':
            dnssec_ok, edns = True, edns if edns is not None else 1232
        elif key in ('rd', 'cd', 'ad', 'ra', 'z', 'aa', 'tc'):
            flags |= {'rd': 0x100, 'cd': 0x10, 'ad': 0x20, 'ra': 0x80, 'z': 0x40, 'aa': 0x400, 'tc': 0x200}[key]
        elif key == 'rcode':
            flags |= int(value)
        elif key == 'op':
            opcode = int(value)
        elif key == 'class':
            qclass = value if value in dns.CLASSES else int(value)
        elif key == 'v':
            version, edns = int(value), edns if edns is not None else 1232
        elif key == 'nsid':
            options.append((dns.OPTION_NSID, b''))
        elif key == 'ecs':
            options.append(dns.ecs_option(value))
        elif key == 'opt':
            code, _, data = value.partition(':')
            options.append((int(code), bytes.fromhex(data)))
        else:
            raise ValueError('no such way: ' + word)
    query = dns.question(name, qtype, qclass, flags=flags, opcode=opcode)
    if edns is not None or options:
        query = dns.with_edns(query, edns if edns is not None else 1232, options, version, dnssec_ok)
    return query, transport


def read_questions(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.partition(' ;')[0].strip()
        if not line or line.startswith(';'):
            continue
        where, words = '%s:%d' % (path.name, number), line.split()
        if path.name.startswith('raw'):
            yield read_raw(words, where)
            continue
        names, types, ways = (words + ['udp'])[:3]
        for name, qtype, way in itertools.product(expand(names), expand(types), expand(ways)):
            query, transport = build(name, qtype, way)
            yield Question('%s %s %s' % (name, qtype, way), query, transport, where)


def read_raw(words, where):
    """LABEL TRANSPORT then hex, name:TEXT (wire form) or zeros:COUNT."""
    query = b''
    for word in words[2:]:
        key, _, value = word.partition(':')
        if key == 'name':
            query += dns.name_to_wire(value)
        elif key == 'zeros':
            query += bytes(int(value))
        else:
            query += bytes.fromhex(word)
    return Question('raw %s %s' % (words[0], words[1]), query, words[1], where)


def ask(server, question):
    if question.transport == 'tcp':
        return dns.tcp_exchange(server, question.query, SILENCE_S)
    return dns.udp_exchange(server, question.query, SILENCE_S)


def fields(question, data):
    """What is compared, as text by field."""
    if data is None:
        return {'reply': 'silence'}
    try:
        message = dns.Message(data)
    except dns.Malformed as error:
        return {'reply': 'malformed: %s' % error}
    sections = {name: '; '.join(message.texts(name)) or '-' for name in ('answer', 'authority', 'additional')}
    edns = '-'
    if message.opt:
        options = sorted((code, option.hex()) for code, option in message.options if code != dns.OPTION_EDE)
        edns = 'v%d %d%s%s' % (message.opt.ttl >> 16 & 0xff, message.opt.rclass, ' do' if message.opt.ttl & 0x8000 else '',
                               ''.join(' %d:%s' % option for option in options))
    return {'reply': 'yes', 'rcode': message.rcode_name(),
            'flags': ' '.join([str(message.flags >> 11 & 15)] + [flag for flag in FLAGS if message.flag(flag)]),
            'question': ' '.join(dns.name_to_text(name) + ' %d %d' % (qtype, qclass) for name, qtype, qclass in message.questions)
                        or '-', **sections, 'edns': edns}


def lint(question, data):
    """What must hold for any answer of ours, whatever the peers say: identifier, size, order of a chain, no record twice."""
    message = dns.Message(data)
    if data[:2] != question.query[:2]:
        yield 'another identifier'
    if question.transport == 'udp':
        room, at = 512, question.query.find(b'\0\0\x29', 12)
        if message.opt and at > 0:
            room = min(1232, max(512, struct.unpack_from('!H', question.query, at + 3)[0]))
        if len(data) > room:
            yield '%d bytes where %d were offered' % (len(data), room)
    if not message.flag('TC'):
        for section in ('answer', 'authority', 'additional'):
            texts = message.texts(section)
            if len(set(texts)) != len(texts):
                yield 'a record twice in the %s section' % section
        owner = message.questions[0][0] if message.questions else None
        for record in message.answer:  # a CNAME leads to the owner of what follows
            if record.type == 39 or owner is None or message.questions[0][1] == 255:
                continue
            if record.owner.lower() != owner.lower():
                yield 'answer section out of order at %s' % record.text()
                break
            if record.type == 5 and message.questions[0][1] != 5:
                owner = record.rdata


class Differences:
    """Rows `PATTERN | FIELD | meridian | nsd | knot | why`; patterns are globs on the question's text, * and ? in values too."""

    def __init__(self, path):
        self.rows, self.used = [], set()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith('#'):
                continue
            row = [cell.strip() for cell in line.split(' | ')]
            if len(row) != 6 or row[1] not in (*FIELDS, LINT) or not row[5]:
                raise ValueError('%s:%d: expected PATTERN | FIELD | meridian | nsd | knot | why' % (path.name, number))
            self.rows.append((number, row))

    def explain(self, question, field, ours, nsd, knot):
        for number, (pattern, row_field, *said, _why) in self.rows:
            if row_field == field and glob(question.text, pattern) and \
                    all(glob(value, form) for value, form in zip((ours, nsd, knot), said)):
                self.used.add(number)
                return True
        return False

    def unused(self):
        return [(number, row) for number, row in self.rows if number not in self.used]


def glob(text, pattern):
    return re.fullmatch(fnmatch.translate(pattern.replace('[', '[[]')), text) is not None


def compare(question, replies, differences):
    """Yield (field, ours, nsd, knot) for what is neither alike nor explained."""
    ours, nsd, knot = (fields(question, data) for data in replies)
    truncated = all(' TC' in reply.get('flags', '') for reply in (ours, nsd)) or \
        all(' TC' in reply.get('flags', '') for reply in (ours, knot))
    for field in FIELDS:
        if truncated and field in ('answer', 'authority', 'additional'):
            continue  # what is left of a truncated answer must not be used (RFC 2181 section 9)
        values = [reply.get(field, '-') for reply in (ours, nsd, knot)]
        if values[0] in values[1:] and (values[1] != values[2] or values[0] == values[1]):
            continue
        if not differences.explain(question, field, *values):
            yield (field, *values)
        if field == 'reply':
            break  # one answers and both others do not, or the other way round: nothing to compare


def peers_table(questions, peers):
    """How far the peers agree with each other: to choose questions and to read what they say."""
    agree = 0
    for question in questions:
        nsd, knot = (fields(question, ask(peer, question)) for peer in peers)
        unlike = [field for field in FIELDS if nsd.get(field) != knot.get(field)]
        agree += not unlike
        for field in unlike:
            print('%s\n  %-10s nsd:  %s\n  %-10s knot: %s' % (question.text, field, nsd.get(field), '', knot.get(field)))
    print('%d questions, the peers agree on %d' % (len(questions), agree))


def main():
    parser = argparse.ArgumentParser(description='Compare Meridian with NSD and Knot.')
    parser.add_argument('--peers', action='store_true', help='compare the peers with each other; Meridian is not started')
    parser.add_argument('--only', default='*', help='only questions whose text matches this glob')
    parser.add_argument('--show', action='store_true', help='print what all three say to every question asked')
    arguments = parser.parse_args()

    folder = process.directory('conformance')
    zones = {path.name[:-len('.zone')]: path for path in sorted((HERE / 'zones').glob('*.zone'))}
    questions = {}  # each once, whatever the tables multiply to
    for path in sorted((HERE / 'questions').glob('*.txt')):
        for question in read_questions(path):
            if glob(question.text, arguments.only):
                questions.setdefault((question.query, question.transport), question)
    questions = list(questions.values())
    _, nsd = servers.start_nsd(folder, zones, IDENTITY)
    _, knot = servers.start_knot(folder, zones, IDENTITY)
    if arguments.peers:
        peers_table(questions, (nsd, knot))
        return 0

    differences = Differences(HERE / 'differences.txt')
    meridian = servers.Meridian(folder, zones=zones, admin=False)
    started, wrong, explained, compared = time.monotonic(), 0, 0, 0
    for question in questions:
        replies = [ask(server, question) for server in (meridian.server, nsd, knot)]
        for i, server in enumerate((meridian.server, nsd, knot)):  # one silent among talkers may have been slow
            if replies[i] is None and any(replies):
                replies[i] = ask(server, question)
        if arguments.show:
            print(question.text)
            for name, data in zip(('meridian', 'nsd', 'knot'), replies):
                print('  %-8s %s' % (name, fields(question, data)))
        before = len(differences.used)
        problems = ['%-10s meridian: %s\n             nsd:      %s\n             knot:     %s' % difference
                    for difference in compare(question, replies, differences)]
        explained += len(differences.used) > before
        try:
            problems += [problem for problem in (lint(question, replies[0]) if replies[0] else ())
                         if not differences.explain(question, LINT, problem, '-', '-')]
        except dns.Malformed as error:
            problems.append('malformed answer: %s' % error)
        if not meridian.process.alive():
            problems.append('meridiand ended:\n' + meridian.process.log()[-3000:])
        compared += 1
        if problems:
            wrong += 1
            print('%s: %s' % (question.where, question.text))
            for problem in problems:
                print('  ' + problem)
        if not meridian.process.alive():
            break
    stale = differences.unused() if arguments.only == '*' and not wrong else []
    for number, row in stale:
        print('differences.txt:%d: explains nothing any more: %s' % (number, ' | '.join(row)))
    status = meridian.stop() if meridian.process.alive() else 1
    print('conformance: %d questions to Meridian, NSD and Knot in %.1f s: %d alike or explained, %d not; %d kinds of difference '
          'explained in differences.txt' % (compared, time.monotonic() - started, compared - wrong, wrong, len(differences.rows)))
    return 1 if wrong or stale or status or (compared < 400 and arguments.only == '*') else 0


if __name__ == '__main__':
    sys.exit(main())
