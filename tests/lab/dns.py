# dns.py - DNS messages as a test sees them: writes questions, reads answers, compares by text.
# SPDX-License-Identifier: Apache-2.0
#
# Written for tests only and on purpose from nothing but the RFCs (1035, 6891, 7871, 5001, 8914), so that no library that Meridian or
# a peer uses can share its mistakes. Names are bytes on the wire and text in master-file form ("a\.b.example.").
import ipaddress
import re
import socket
import struct

TYPES = {'A': 1, 'NS': 2, 'MD': 3, 'CNAME': 5, 'SOA': 6, 'MB': 7, 'NULL': 10, 'PTR': 12, 'HINFO': 13, 'MINFO': 14, 'MX': 15,
         'TXT': 16, 'RP': 17, 'AFSDB': 18, 'RT': 21, 'SIG': 24, 'PX': 26, 'AAAA': 28, 'LOC': 29, 'NXT': 30, 'SRV': 33, 'NAPTR': 35,
         'KX': 36, 'CERT': 37, 'DNAME': 39, 'OPT': 41, 'APL': 42, 'DS': 43, 'SSHFP': 44, 'RRSIG': 46, 'NSEC': 47, 'DNSKEY': 48,
         'DHCID': 49, 'NSEC3': 50, 'NSEC3PARAM': 51, 'TLSA': 52, 'SMIMEA': 53, 'CDS': 59, 'CDNSKEY': 60, 'OPENPGPKEY': 61,
         'CSYNC': 62, 'ZONEMD': 63, 'SVCB': 64, 'HTTPS': 65, 'SPF': 99, 'EUI48': 108, 'EUI64': 109, 'TKEY': 249, 'TSIG': 250,
         'IXFR': 251, 'AXFR': 252, 'MAILB': 253, 'MAILA': 254, 'ANY': 255, 'URI': 256, 'CAA': 257}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
CLASSES = {'IN': 1, 'CS': 2, 'CH': 3, 'HS': 4, 'NONE': 254, 'ANY': 255}
RCODES = {0: 'NOERROR', 1: 'FORMERR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 4: 'NOTIMP', 5: 'REFUSED', 6: 'YXDOMAIN', 9: 'NOTAUTH',
          16: 'BADVERS'}
# Types whose RDATA may hold compressed names (RFC 1035 and 3597 section 4): (bytes before, names, bytes after may follow).
NAMES_IN_RDATA = {2: (0, 1), 3: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 12: (0, 1), 14: (0, 2), 15: (2, 1), 17: (0, 2),
                  18: (2, 1), 21: (2, 1), 33: (6, 1), 36: (2, 1), 39: (0, 1)}
OPTION_NSID, OPTION_ECS, OPTION_COOKIE, OPTION_PADDING, OPTION_EDE = 3, 8, 10, 12, 15


class Malformed(Exception):
    """An answer that does not parse: always a finding."""


def name_to_wire(text):
    """'a\\.b.example.' to wire form; a missing final dot is the same as one."""
    wire, label, i = b'', bytearray(), 0
    if text in ('', '.'):
        return b'\0'
    while i < len(text):
        if text[i] == '\\' and re.match(r'[0-9]{3}', text[i + 1:i + 4]):
            label.append(int(text[i + 1:i + 4]))
            i += 4
            continue
        if text[i] == '\\':
            i += 1
        elif text[i] == '.':
            wire += bytes([len(label)]) + bytes(label)
            label = bytearray()
            i += 1
            continue
        label += text[i].encode('latin-1')
        i += 1
    if label:
        wire += bytes([len(label)]) + bytes(label)
    return wire + b'\0'


def name_to_text(wire):
    labels, i = [], 0
    while wire[i]:
        label = wire[i + 1:i + 1 + wire[i]]
        labels.append(''.join(chr(b) if 0x21 <= b <= 0x7e and chr(b) not in '.\\"();@$' else
                              ('\\' + chr(b) if 0x21 <= b <= 0x7e else '\\%03d' % b) for b in label))
        i += 1 + wire[i]
    return '.'.join(labels) + '.'


def type_number(text):
    if text in TYPES:
        return TYPES[text]
    match = re.fullmatch(r'TYPE(\d+)', text)
    if not match:
        raise ValueError('no such type: ' + text)
    return int(match.group(1))


def type_name(number):
    return TYPE_NAMES.get(number, 'TYPE%d' % number)


def ecs_option(prefix, scope=0):
    """'192.0.2.0/24' to an EDNS Client Subnet option (RFC 7871 section 6); host bits are kept as given up to the last byte."""
    address, length = prefix.split('/')
    packed, length = ipaddress.ip_address(address).packed, int(length)
    return (OPTION_ECS, struct.pack('!HBB', 1 if len(packed) == 4 else 2, length, scope) + packed[:(length + 7) // 8])


def question(name, qtype='A', qclass='IN', identifier=0x1234, flags=0, opcode=0):
    """A query without EDNS. name: text or wire bytes."""
    wire = name if isinstance(name, bytes) else name_to_wire(name)
    return (struct.pack('!HHHHHH', identifier, flags | opcode << 11, 1, 0, 0, 0) + wire +
            struct.pack('!HH', type_number(qtype) if isinstance(qtype, str) else qtype,
                        CLASSES[qclass] if isinstance(qclass, str) else qclass))


def with_edns(query, payload=1232, options=(), version=0, dnssec_ok=False, rcode_high=0):
    """The query and an OPT record at its end."""
    rdata = b''.join(struct.pack('!HH', code, len(data)) + data for code, data in options)
    count = struct.unpack_from('!H', query, 10)[0]
    opt = b'\0' + struct.pack('!HHBBHH', 41, payload, rcode_high, version, 0x8000 if dnssec_ok else 0, len(rdata)) + rdata
    return query[:10] + struct.pack('!H', count + 1) + query[12:] + opt


class Record:
    def __init__(self, owner, rtype, rclass, ttl, rdata):
        self.owner, self.type, self.rclass, self.ttl, self.rdata = owner, rtype, rclass, ttl, rdata

    def text(self):
        """One line, names in lower case: compression may point to the question's spelling, so case proves nothing."""
        return '%s %d %s%s %s' % (name_to_text(self.owner).lower(), self.ttl, '' if self.rclass == 1 else 'CLASS%d ' % self.rclass,
                                  type_name(self.type), rdata_text(self.type, self.rdata))


def rdata_text(rtype, rdata):
    if rtype == 1 and len(rdata) == 4 or rtype == 28 and len(rdata) == 16:
        return str(ipaddress.ip_address(rdata))
    if rtype in NAMES_IN_RDATA:
        before, count = NAMES_IN_RDATA[rtype]
        words, rest = [str(number) for number in struct.unpack('!%dH' % (before // 2), rdata[:before])], rdata[before:]
        for _ in range(count):
            size = wire_name_size(rest)
            words.append(name_to_text(rest[:size]).lower())
            rest = rest[size:]
        if rtype == 6 and len(rest) == 20:
            words += [str(number) for number in struct.unpack('!5I', rest)]
        elif rest:
            words.append(rest.hex())
        return ' '.join(words)
    if rtype == 16 and 0 < len(rdata) <= 60 and rdata[0] == len(rdata) - 1:
        return '"' + ''.join(chr(b) if 0x20 <= b < 0x7f and b not in b'"\\' else '\\%03d' % b for b in rdata[1:]) + '"'
    return '\\# %d %s' % (len(rdata), rdata.hex())


def wire_name_size(data):
    i = 0
    while i < len(data) and data[i]:
        i += 1 + data[i]
    return i + 1


class Message:
    """A parsed message. Raises Malformed for anything that a strict reader would refuse, trailing bytes included."""

    def __init__(self, data):
        self.data = data
        if len(data) < 12:
            raise Malformed('shorter than a header: %d bytes' % len(data))
        self.identifier, self.flags, qdcount, ancount, nscount, arcount = struct.unpack_from('!6H', data)
        self.at = 12
        self.questions = []
        for _ in range(qdcount):
            start = self.at
            name = self._name()
            qtype, qclass = self._take('!HH')
            self.questions.append((name, qtype, qclass))
            self.question_bytes = data[start:self.at]
        self.answer = [self._record() for _ in range(ancount)]
        self.authority = [self._record() for _ in range(nscount)]
        additional = [self._record() for _ in range(arcount)]
        if self.at != len(data):
            raise Malformed('%d bytes after the last record' % (len(data) - self.at))
        opts = [record for record in additional if record.type == 41]
        if len(opts) > 1:
            raise Malformed('%d OPT records' % len(opts))
        self.opt = opts[0] if opts else None
        self.additional = [record for record in additional if record.type != 41]
        self.options = self._options() if self.opt else []
        self.rcode = self.flags & 15 | (self.opt.ttl >> 24 << 4 if self.opt else 0)

    def _take(self, layout):
        size = struct.calcsize(layout)
        if self.at + size > len(self.data):
            raise Malformed('ends inside a field at %d' % self.at)
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += size
        return values

    def _name(self):
        wire, position, jumped, lowest = b'', self.at, False, self.at
        while True:
            if position >= len(self.data):
                raise Malformed('name beyond the end at %d' % position)
            length = self.data[position]
            if length & 0xc0 == 0xc0:
                if position + 1 >= len(self.data):
                    raise Malformed('pointer cut at %d' % position)
                target = (length & 0x3f) << 8 | self.data[position + 1]
                if not jumped:
                    self.at = position + 2
                if target >= lowest or target < 12:
                    raise Malformed('pointer at %d not backwards to a name' % position)
                position, jumped, lowest = target, True, target
                continue
            if length & 0xc0:
                raise Malformed('label type %#x' % length)
            wire += self.data[position:position + 1 + length]
            position += 1 + length
            if length == 0:
                break
        if len(wire) > 255:
            raise Malformed('name of %d bytes' % len(wire))
        if not jumped:
            self.at = position
        return wire

    def _record(self):
        owner = self._name()
        rtype, rclass, ttl, size = self._take('!HHIH')
        end = self.at + size
        if end > len(self.data):
            raise Malformed('RDATA beyond the end')
        if rtype in NAMES_IN_RDATA and size:
            before, count = NAMES_IN_RDATA[rtype]
            rdata = self.data[self.at:self.at + before]
            self.at += before
            for _ in range(count):
                rdata += self._name()
            if self.at > end:
                raise Malformed('name beyond its RDATA')
            rdata += self.data[self.at:end]
        else:
            rdata = self.data[self.at:end]
        self.at = end
        return Record(owner, rtype, rclass, ttl, rdata)

    def _options(self):
        options, rdata = [], self.opt.rdata
        while rdata:
            if len(rdata) < 4:
                raise Malformed('EDNS option cut')
            code, size = struct.unpack_from('!HH', rdata)
            if len(rdata) < 4 + size:
                raise Malformed('EDNS option %d cut' % code)
            options.append((code, rdata[4:4 + size]))
            rdata = rdata[4 + size:]
        return options

    def option(self, code):
        return next((data for number, data in self.options if number == code), None)

    def flag(self, name):
        return bool(self.flags & {'QR': 0x8000, 'AA': 0x400, 'TC': 0x200, 'RD': 0x100, 'RA': 0x80, 'Z': 0x40, 'AD': 0x20,
                                  'CD': 0x10}[name])

    def rcode_name(self):
        return RCODES.get(self.rcode, 'RCODE%d' % self.rcode)

    def texts(self, section='answer'):
        return sorted(record.text() for record in getattr(self, section))

    def addresses(self):
        return sorted(rdata_text(record.type, record.rdata) for record in self.answer if record.type in (1, 28))

    def ecs(self):
        """(family, source length, scope length, address bytes) or None."""
        data = self.option(OPTION_ECS)
        return None if data is None else struct.unpack_from('!HBB', data) + (data[4:],)


def udp_exchange(server, query, timeout=2.0, source=None):
    """Send one datagram, return the answer's bytes or None for silence. Answers from another address are not seen: connected."""
    family = socket.AF_INET6 if ':' in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if source:
            sock.bind((source, 0))
        sock.connect(server)
        sock.settimeout(timeout)
        try:
            sock.send(query)
            return sock.recv(65535)
        except (socket.timeout, ConnectionRefusedError):
            return None


def tcp_read(sock):
    """One length-prefixed message from a connected socket; None at its end."""
    head = tcp_read_exactly(sock, 2)
    return None if head is None else tcp_read_exactly(sock, struct.unpack('!H', head)[0])


def tcp_read_exactly(sock, size):
    data = b''
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            return None
        data += piece
    return data


def tcp_exchange(server, query, timeout=2.0):
    """One query over a connection of its own; None for silence or a close without an answer."""
    try:
        with socket.create_connection(server, timeout) as sock:
            sock.sendall(struct.pack('!H', len(query)) + query)
            return tcp_read(sock)
    except (socket.timeout, ConnectionError):
        return None
