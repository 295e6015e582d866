/* answer.c - from a query's bytes to its answer's bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   query_parse --> table_find --> node's answer for the type --> template, or slot --> chart_find --> template
 *                                                                     |             (or lot --> lottery_pick --> template)
 *                             header, question, template, OPT  <------+
 *
 * The common case, a template for the question as it stands, is written here straight through; what moves or does not fit
 * goes through reply.c. Nothing here or below allocates, locks, logs, formats or calls libm (tests/check holds the objects
 * to it). */
#include "dnsd/answer.h"

#include "dnsd/wire/bytes.h"
#include "dnsd/wire/query.h"
#include "dnsd/zone/reply.h"
#include "dnsd/zone/tables.h"
#include "router/split.h"

#define SUBSTITUTION_MAX 8 /* DNAMEs that lead to another; also keeps every pointer within 14 bits (WRITER_TARGET_MAX) */

#define OPTION_EDE_SIZE 6 /* code, size, INFO-CODE */

/* One query being answered. */
struct work {
    const struct world *world;
    struct counters *counters;
    const struct client *client;
    const uint8_t *bytes; /* the query */
    uint8_t *reply;
    size_t limit;         /* of the whole answer */
    size_t opt_size;      /* what is kept free for the OPT record; 0 without EDNS */
    unsigned ede;         /* enum ede_code */
    uint8_t scope;        /* RFC 7871: of the answer, in ECS terms */
    bool with_nsid;
    struct query query;
};

static inline void count(struct counters *counters, enum counter counter)
{
    counter_add(&counters->values[counter], 1);
}

static enum counter counter_of(unsigned rcode)
{
    switch (rcode) {
    case RCODE_NOERROR: return COUNTER_NOERROR;
    case RCODE_FORMERR: return COUNTER_FORMERR;
    case RCODE_NXDOMAIN: return COUNTER_NXDOMAIN;
    case RCODE_NOTIMP: return COUNTER_NOTIMP;
    case RCODE_YXDOMAIN: return COUNTER_YXDOMAIN;
    case RCODE_BADVERS: return COUNTER_BADVERS;
    case RCODE_SERVFAIL: return COUNTER_SERVFAIL;
    default: return COUNTER_REFUSED;
    }
}

/* The header's flags; RD is the query's. Its id has been copied. */
static inline void put_flags(struct work *work, unsigned flags)
{
    bytes_put16(work->reply + 2, FLAG_QR | flags | (unsigned)(work->bytes[2] & (FLAG_RD >> 8)) << 8);
}

/* ---- EDNS ---- */

/* How large the OPT record will be. Options that a small answer has no room for are left out, NSID first. */
static inline void plan_opt(struct work *work)
{
    const struct query *query = &work->query;
    const struct identity *identity = &work->world->zones->identity;
    work->opt_size = EDNS_FIXED;
    if (query->ecs.option != NULL) work->opt_size += query->ecs.size;
    if (work->ede != EDE_NONE) work->opt_size += OPTION_EDE_SIZE;
    work->with_nsid = query->wants_nsid &&
                      HEADER_SIZE + query->question_size + work->opt_size + identity->nsid_size <= work->limit;
    if (work->with_nsid) work->opt_size += identity->nsid_size;
}

/* Append the planned OPT record. `rcode` beyond 4 bits goes into it. Returns the size of the answer. */
static inline size_t put_opt(struct work *work, size_t size, unsigned rcode)
{
    const struct query *query = &work->query;
    const struct identity *identity = &work->world->zones->identity;
    uint8_t *opt = work->reply + size;
    uint8_t *at = opt + EDNS_FIXED;
    memcpy(opt, identity->opt, EDNS_FIXED);
    opt[5] = (uint8_t)(rcode >> 4);
    opt[7] = query->dnssec_ok ? EDNS_FLAG_DO >> 8 : 0;
    if (work->with_nsid) {
        memcpy(at, identity->nsid, identity->nsid_size);
        at += identity->nsid_size;
    }
    if (query->ecs.option != NULL) {
        memcpy(at, query->ecs.option, query->ecs.size);
        at[7] = work->scope;
        at += query->ecs.size;
    }
    if (work->ede != EDE_NONE) {
        bytes_put16(at, OPTION_EDE);
        bytes_put16(at + 2, OPTION_EDE_SIZE - 4);
        bytes_put16(at + 4, work->ede);
        at += OPTION_EDE_SIZE;
    }
    bytes_put16(opt + 9, (unsigned)(at - opt) - EDNS_FIXED);
    work->reply[11]++; /* templates leave room for one more in this byte */
    return (size_t)(at - work->reply);
}

/* The room that the transport and the client leave. */
static inline size_t size_limit(const struct work *work, size_t reply_room)
{
    size_t limit = ANSWER_MAX;
    if (work->client->transport == TRANSPORT_UDP) {
        limit = UDP_SIZE_MIN;
        if (!work->query.has_edns) return limit;
        const struct identity *identity = &work->world->zones->identity;
        if (limit < work->query.udp_size) limit = work->query.udp_size;
        if (limit > identity->udp_payload) limit = identity->udp_payload; /* 512..ANSWER_UDP_MAX */
    }
    return limit < reply_room ? limit : reply_room;
}

/* ---- answers without data ---- */

/* Anything but a QUERY gets a header. A NOTIFY without a question is malformed to NSD and Knot, all else is not implemented. */
static size_t answer_opcode(struct work *work)
{
    unsigned opcode = (unsigned)(work->bytes[2] << 8) & FLAG_OPCODE;
    bool empty_notify = opcode == OPCODE_NOTIFY << 11 && bytes_get16(work->bytes + 4) == 0;
    unsigned rcode = empty_notify ? RCODE_FORMERR : RCODE_NOTIMP;
    count(work->counters, counter_of(rcode));
    memcpy(work->reply, work->bytes, 2);
    put_flags(work, opcode | rcode);
    memset(work->reply + 4, 0, HEADER_SIZE - 4);
    return HEADER_SIZE;
}

/* Header, and the question if there is one. The OPT record comes along when the query had one. */
static size_t answer_empty(struct work *work, unsigned rcode)
{
    size_t size = HEADER_SIZE + work->query.question_size;
    count(work->counters, counter_of(rcode));
    memcpy(work->reply, work->bytes, size);
    put_flags(work, rcode & 0xf);
    bytes_put16(work->reply + 4, work->query.question_size != 0);
    memset(work->reply + 6, 0, 6);
    if (!work->query.has_edns) return size;
    plan_opt(work);
    return put_opt(work, size, rcode);
}

static size_t answer_refused(struct work *work, unsigned ede)
{
    work->ede = ede;
    return answer_empty(work, RCODE_REFUSED);
}

/* RFC 8945 5.2.1: no key is known here, so NOTAUTH with the error BADKEY, unsigned. */
static size_t answer_tsig(struct work *work)
{
    const uint8_t *fixed = work->query.tsig;
    const uint8_t *algorithm = fixed + 10;
    size_t algorithm_size = name_size(algorithm);
    size_t size = answer_empty(work, RCODE_NOTAUTH);
    size_t record = work->query.tsig_name_size + 10 + algorithm_size + 16;
    if (size + record > work->limit) return size;
    uint8_t *at = work->reply + size;
    memcpy(at, fixed - work->query.tsig_name_size, work->query.tsig_name_size + 8u); /* owner, type, class, TTL */
    at += work->query.tsig_name_size + 8u;
    bytes_put16(at, (unsigned)algorithm_size + 16);
    memcpy(at + 2, algorithm, algorithm_size + 8); /* and the time and fudge */
    at += 2 + algorithm_size + 8;
    bytes_put16(at, 0); /* no MAC */
    memcpy(at + 2, work->bytes, 2);
    bytes_put16(at + 4, 17); /* BADKEY */
    bytes_put16(at + 6, 0);
    work->reply[11]++;
    return size + record;
}

/* ---- other classes and transfers ---- */

static bool same_text_name(const uint8_t *name, const char *wire, size_t size)
{
    return name_size((const uint8_t *)wire) == size && name_equal(name, (const uint8_t *)wire);
}

/* CH TXT id.server and hostname.bind (RFC 4892): the same as NSID. Versions are nobody's business. */
static size_t answer_chaos(struct work *work)
{
    const struct identity *identity = &work->world->zones->identity;
    const uint8_t *name = work->bytes + HEADER_SIZE;
    bool asked = work->query.type == TYPE_TXT &&
                 (same_text_name(name, "\2id\6server", work->query.name_size) ||
                  same_text_name(name, "\10hostname\4bind", work->query.name_size));
    if (!asked) return answer_empty(work, RCODE_REFUSED);
    size_t size = HEADER_SIZE + work->query.question_size;
    count(work->counters, COUNTER_NOERROR);
    memcpy(work->reply, work->bytes, size);
    put_flags(work, 0);
    bytes_put16(work->reply + 4, 1);
    bytes_put16(work->reply + 6, 1);
    bytes_put16(work->reply + 8, 0);
    bytes_put16(work->reply + 10, 0);
    uint8_t *record = work->reply + size;
    bytes_put16(record, 0xc000 | HEADER_SIZE);
    bytes_put16(record + 2, TYPE_TXT);
    bytes_put16(record + 4, CLASS_CH);
    bytes_put32(record + 6, 0);
    bytes_put16(record + 10, identity->text_size);
    memcpy(record + 12, identity->text, identity->text_size);
    size += 12u + identity->text_size;
    if (!work->query.has_edns) return size;
    work->limit -= 12u + identity->text_size; /* names this short leave room for everything */
    plan_opt(work);
    return put_opt(work, size, 0);
}

/* Transfers are not offered: refused for our zones, NOTAUTH for names that are none (RFC 5936 2.2.1). AXFR is TCP's alone. */
static size_t answer_transfer(struct work *work, const struct node *node, size_t offset)
{
    if (work->query.type == TYPE_AXFR && work->client->transport == TRANSPORT_UDP) return answer_empty(work, RCODE_NOTIMP);
    if (node == NULL || offset != 0 || !(node->flags & NODE_APEX)) return answer_empty(work, RCODE_NOTAUTH);
    return answer_refused(work, EDE_PROHIBITED);
}

/* ---- answers with data ---- */

/* The answer that names the endpoints which a lottery draws. Off the common way, which is an answer for all of a region. */
static __attribute__((noinline)) const struct template *draw(struct work *work, uint32_t lot)
{
    const struct answers *answers = work->world->answers;
    const uint32_t *choices = &answers->lots[lot & ~REFERENCE_SLOT];
    const struct lottery *lottery = &answers->raffle.lotteries[choices[0]];
    const struct address *address = work->query.ecs.source != 0 ? &work->query.ecs.address : &work->client->address;
    uint64_t turn = counter_read(&work->counters->regions[lottery->region]); /* of this worker; one writer */
    size_t choice = lottery_pick(lottery, address->family, address_position(address), turn);
    if (lottery->by_block && work->query.ecs.source != 0) {
        uint8_t block = address->family == FAMILY_IPV4 ? SPLIT_BLOCK_IPV4 : SPLIT_BLOCK_IPV6;
        if (work->scope < block) work->scope = block;
    }
    return template_at(answers->templates, choices[1 + choice]);
}

/* The answer that a service gives this client. */
static inline const struct template *steer(struct work *work, uint32_t reference)
{
    const struct world *world = work->world;
    const struct zones *zones = world->zones;
    const struct slot *slot = &zones->slots[reference & ~REFERENCE_SLOT];
    bool by_ecs = work->query.ecs.source != 0;
    const struct address *address = by_ecs ? &work->query.ecs.address : &work->client->address;
    struct chart_hit hit = chart_find(world->charts[slot->plan], address);
    const struct decision *decision = &world->decisions[slot->plan]->list[hit.decision];
    region_id region = decision->shares[0].region;
    if (decision->share_count > 1) region = split_pick(decision, address->family, address_position(address));
    if (by_ecs) work->scope = hit.scope;
    count(work->counters, COUNTER_STEERED);
    counter_add(&work->counters->regions[region], 1);
    size_t column = zones->columns[slot->plan * zones->region_count + region];
    uint32_t answer = world->answers->references[slot->first + column];
    if (__builtin_expect((answer & REFERENCE_SLOT) != 0, 0))
        return draw(work, answer);
    return template_at(world->answers->templates, answer);
}

static inline const struct template *open_reference(struct work *work, uint32_t reference)
{
    return reference & REFERENCE_SLOT ? steer(work, reference) : template_at(work->world->zones->templates, reference);
}

/* How a node answers a type. */
static inline uint32_t node_answer(const struct zones *zones, const struct node *node, unsigned type)
{
    const struct typed *typed = zones->typed + node->types;
    for (unsigned i = 0; i < node->type_count; i++) /* at most TYPES_MAX, mostly two or three */
        if (typed[i].type == type) return typed[i].answer;
    return type == TYPE_ANY ? node->any : node->otherwise;
}

/* The answer for a name whose node, or closest encloser, is known; not for one below a DNAME. */
static inline uint32_t choose(const struct zones *zones, const struct node *node, size_t offset, unsigned type)
{
    if (offset != 0) {
        if (node->below_kind == BELOW_ANSWER) return node->below;
        node = table_node(&zones->table, node->below);
    }
    return node_answer(zones, node, type);
}

static size_t finish(struct work *work, const struct reply *reply, bool nodata)
{
    unsigned rcode = reply->flags & 0xf;
    count(work->counters, counter_of(rcode));
    if (rcode == RCODE_NOERROR && nodata) count(work->counters, COUNTER_NODATA);
    if (reply->flags & FLAG_TC) count(work->counters, COUNTER_TRUNCATED);
    put_flags(work, reply->flags);
    bytes_put16(work->reply + 4, 1);
    for (size_t i = 0; i < 3; i++) bytes_put16(work->reply + 6 + 2 * i, reply->counts[i]);
    return work->opt_size != 0 ? put_opt(work, reply->size, rcode) : reply->size;
}

static void begin(const struct work *work, struct reply *reply)
{
    *reply = (struct reply){.bytes = work->reply, .size = HEADER_SIZE + (size_t)work->query.question_size,
                            .limit = work->limit - work->opt_size, .name = HEADER_SIZE, .name_size = work->query.name_size};
}

/* A template that must be moved or cut. */
static __attribute__((noinline)) size_t answer_fitted(struct work *work, const struct template *template)
{
    struct reply reply;
    begin(work, &reply);
    reply_append(&reply, template);
    if (work->query.class == CLASS_ANY) reply.flags &= ~(unsigned)FLAG_AA;
    return finish(work, &reply, template->nodata);
}

/* Names below a DNAME: each makes a CNAME, until a name is answered, lies elsewhere or comes back. A DNAME may come again for a
 * shorter name, as when it leads to its own parent; it then stands in the answer already. */
static size_t answer_substituted(struct work *work, const struct node *node)
{
    const struct zones *zones = work->world->zones;
    const struct template *template = NULL;
    uint32_t used[SUBSTITUTION_MAX];
    size_t sizes[SUBSTITUTION_MAX]; /* of the names that they were used for */
    struct reply reply;
    begin(work, &reply);
    for (size_t i = 0; i < SUBSTITUTION_MAX; i++) {
        const struct substitution *rule = &zones->substitutions[node->below];
        bool stands = false;
        for (size_t k = 0; k < i; k++) {
            if (used[k] != node->below) continue;
            if (reply.name_size >= sizes[k]) goto done; /* round and round */
            stands = true;
        }
        used[i] = node->below;
        sizes[i] = reply.name_size;
        if (!stands && !reply_dname(&reply, rule)) break;
        if (!reply_substitute(&reply, rule) || work->query.type == TYPE_CNAME) break;
        struct key key;
        uint8_t padded[sizeof key.bytes] = {0};
        size_t offset;
        memcpy(padded, reply.bytes + reply.name, reply.name_size);
        key_set(&key, padded, reply.name_size);
        node = table_find(&zones->table, &key, reply.name_size, &offset);
        if (node == NULL) break;
        if (offset != 0 && node->below_kind == BELOW_DNAME) continue;
        template = open_reference(work, choose(zones, node, offset, work->query.type));
        reply_append(&reply, template);
        break;
    }
done:
    if (work->query.class == CLASS_ANY) reply.flags &= ~(unsigned)FLAG_AA;
    return finish(work, &reply, template != NULL && template->nodata);
}

/* A template as it is. Header and question have been copied. */
static inline size_t answer_template(struct work *work, const struct template *template)
{
    size_t body = HEADER_SIZE + (size_t)work->query.question_size;
    size_t delta = (size_t)work->query.name_size - template->question_size;
    size_t size = body + template->size;
    if (size + work->opt_size > work->limit) return answer_fitted(work, template);
    memcpy(work->reply + body, template_body(template), template->size);
    if (delta != 0) {
        const uint16_t *pointers = template_pointers(template);
        for (size_t i = 0; i < template->shift_count; i++) {
            uint8_t *at = work->reply + body + pointers[i];
            bytes_put16(at, bytes_get16(at) + (unsigned)delta);
        }
    }
    put_flags(work, template->flags);
    memcpy(work->reply + 4, template->counts, sizeof template->counts);
    count(work->counters, template->counter);
    if (template->nodata) count(work->counters, COUNTER_NODATA);
    return work->opt_size != 0 ? put_opt(work, size, 0) : size;
}

/* QCLASS ANY is answered as IN, but never with authority (RFC 1034 4.3.2). */
static size_t answer_any_class(struct work *work, const struct node *node, size_t offset)
{
    if (offset != 0 && node->below_kind == BELOW_DNAME) return answer_substituted(work, node);
    return answer_fitted(work, open_reference(work, choose(work->world->zones, node, offset, work->query.type)));
}

static inline size_t answer_question(struct work *work)
{
    const struct zones *zones = work->world->zones;
    const struct query *query = &work->query;
    struct key key;
    size_t offset;
    memcpy(work->reply, work->bytes, HEADER_SIZE + (size_t)query->question_size);
    key_set(&key, work->reply + HEADER_SIZE, query->name_size);
    const struct node *node = table_find(&zones->table, &key, query->name_size, &offset);
    if (query->type == TYPE_AXFR || query->type == TYPE_IXFR) return answer_transfer(work, node, offset);
    if (node == NULL) return answer_refused(work, EDE_NOT_AUTHORITATIVE);
    if (query->has_edns) plan_opt(work);
    if (query->class != CLASS_IN) return answer_any_class(work, node, offset);
    if (offset != 0 && node->below_kind == BELOW_DNAME) return answer_substituted(work, node);
    return answer_template(work, open_reference(work, choose(zones, node, offset, query->type)));
}

size_t answer_query(const struct world *world, struct counters *counters, const struct client *client, const uint8_t *query,
                    size_t query_size, uint8_t *reply, size_t reply_room)
{
    struct work work;
    work.world = world;
    work.counters = counters;
    work.client = client;
    work.bytes = query;
    work.reply = reply;
    work.opt_size = 0;
    work.ede = EDE_NONE;
    work.scope = 0;
    work.with_nsid = false;
    count(counters, client->transport == TRANSPORT_UDP ? COUNTER_UDP_QUERIES : COUNTER_TCP_QUERIES);
    if (client->address.family == FAMILY_IPV6) count(counters, COUNTER_IPV6_QUERIES);
    if (query_size < HEADER_SIZE || (query[2] & (FLAG_QR >> 8)) != 0) {
        count(counters, COUNTER_DROPPED);
        return 0;
    }
    if ((query[2] & (FLAG_OPCODE >> 8)) != 0) return answer_opcode(&work);
    enum query_form form = query_parse(query, query_size, &work.query);
    work.limit = UDP_SIZE_MIN;
    if (form != QUERY_SOUND) return answer_empty(&work, RCODE_FORMERR);
    work.limit = size_limit(&work, reply_room);
    if (work.query.has_edns) {
        count(counters, COUNTER_EDNS_QUERIES);
        if (work.query.ecs.option != NULL) count(counters, COUNTER_ECS_QUERIES);
        if (work.query.edns_version != 0) return answer_empty(&work, RCODE_BADVERS);
    }
    if (work.query.tsig != NULL) return answer_tsig(&work);
    if (work.query.class != CLASS_IN && work.query.class != CLASS_ANY)
        return work.query.class == CLASS_CH ? answer_chaos(&work) : answer_empty(&work, RCODE_REFUSED);
    return answer_question(&work);
}
