/* order_command.c - the operator's orders on the command line.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/order_command.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dnsd/cli/command.h"
#include "dnsd/cli/page.h"
#include "router/snapshot.h"
#include "state/order_post.h"

/* ---- who ---- */

/* In the syntax of names: lower case, everything else a dash. */
static void write_name(const char *text, char out[FACT_NAME_MAX])
{
    size_t size = strnlen(text, FACT_NAME_MAX - 1);
    for (size_t i = 0; i < size; i++) {
        int letter = tolower((unsigned char)text[i]);
        bool fine =
            (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || strchr("-._", letter) != NULL;
        out[i] = (char)(fine ? letter : '-');
    }
    out[size] = '\0';
}

/* --author, else the environment, else the user's name. */
static int find_author(const struct errand *errand, char out[FACT_NAME_MAX])
{
    const char *text = errand->arguments->author;
    if (text == NULL) text = getenv(AUTHOR_ENVIRONMENT);
    if (text == NULL || text[0] == '\0') {
        const struct passwd *user = getpwuid(getuid());
        write_name(user != NULL ? user->pw_name : "", out);
    } else {
        snprintf(out, FACT_NAME_MAX, "%s", text);
        if (strlen(text) >= FACT_NAME_MAX) out[0] = '\0';
    }
    if (fact_name_valid(out)) return EXIT_WELL;
    fprintf(errand->err, "meridian: --author: expected a name of the characters a-z 0-9 - . _, or %s\n",
            AUTHOR_ENVIRONMENT);
    return EXIT_USAGE;
}

/* ---- what ---- */

static enum order_verb verb_of(const struct arguments *arguments)
{
    if (arguments->pop != NULL) return ORDER_DRAIN_POP;
    switch (arguments->command) {
    case COMMAND_FORCE_UP: return ORDER_FORCE_UP;
    case COMMAND_FORCE_DOWN: return ORDER_FORCE_DOWN;
    case COMMAND_WEIGHT: return ORDER_WEIGHT;
    case COMMAND_SHIFT: return ORDER_SHIFT;
    default: return ORDER_DRAIN;
    }
}

/* Texts are checked by the daemon; here they must only fit. */
static bool fill_order(const struct arguments *arguments, struct fact_order *out)
{
    *out = (struct fact_order){
        .verb = verb_of(arguments),
        .value = arguments->number,
        .percent_per_minute = arguments->percent_per_minute > 0 ? (uint32_t)arguments->percent_per_minute : 0,
        .for_ms = arguments->for_ms,
        .given_epoch_s = (int64_t)time(NULL),
        .overrides = arguments->override,
    };
    const char *service = arguments->service != NULL ? arguments->service : "";
    return snprintf(out->target, sizeof out->target, "%s", arguments->operand) < (int)sizeof out->target &&
           snprintf(out->service, sizeof out->service, "%s", service) < (int)sizeof out->service &&
           snprintf(out->reason, sizeof out->reason, "%s", arguments->reason) < (int)sizeof out->reason;
}

static char *order_body(const struct fact_order *order, const char *author)
{
    json_t *body = json_pack("{s:s, s:s, s:I, s:s, s:s}", "verb", order_verb_name(order->verb), "target", order->target,
                             "for_ms", (json_int_t)order->for_ms, "author", author, "reason", order->reason);
    if (body == NULL) return NULL; /* not UTF-8 */
    if (order->service[0] != '\0') json_object_set_new(body, "service", json_string(order->service));
    if (order->verb == ORDER_WEIGHT || order->verb == ORDER_SHIFT)
        json_object_set_new(body, "value", json_integer(order->value));
    if (order->percent_per_minute > 0)
        json_object_set_new(body, "percent_per_minute", json_integer(order->percent_per_minute));
    if (order->overrides) json_object_set_new(body, "override", json_true());
    char *text = json_dumps(body, 0);
    json_decref(body);
    return text;
}

static char *cancel_body(const char *id, const char *author, const char *reason)
{
    json_t *body = json_pack("{s:s, s:s, s:s}", "id", id, "author", author, "reason", reason);
    char *text = body != NULL ? json_dumps(body, 0) : NULL;
    json_decref(body);
    return text;
}

/* ---- the daemon ---- */

/* POST a body and read the page; the reference is the caller's either way. */
static int post(const struct errand *errand, const char *path, const char *body, json_t **page)
{
    struct fetch_response response = {.body = NULL};
    if (body == NULL) {
        fprintf(errand->err, "meridian: the words are no UTF-8\n");
        return EXIT_USAGE;
    }
    int result = errand_ask(errand, path, body, FETCH_TIMEOUT_MS, &response);
    if (result != EXIT_WELL) return result;
    result = errand_read(errand, &response, page);
    fetch_response_fini(&response);
    return result;
}

static int get(const struct errand *errand, const char *path, json_t **page)
{
    struct fetch_response response = {.body = NULL};
    int result = errand_ask(errand, path, NULL, FETCH_TIMEOUT_MS, &response);
    if (result != EXIT_WELL) return result;
    result = errand_read(errand, &response, page);
    fetch_response_fini(&response);
    return result;
}

/* ---- the servers ---- */

/* Where the daemon says that its fleet's servers are, and with what this operator goes there. */
struct fleet {
    struct order_post post;
    struct store_server servers[STORE_SERVER_MAX];
    struct order_receipt receipts[STORE_SERVER_MAX];
};

static const char *text_or_environment(const char *text, const char *name)
{
    if (text == NULL) text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Borrows from the page. Returns false where there are no servers. */
static bool find_fleet(const struct arguments *arguments, const json_t *page, struct fleet *out)
{
    const json_t *shared = json_object_get(page, "shared");
    size_t index;
    const json_t *server;
    *out = (struct fleet){.post.fleet = json_string_value(json_object_get(shared, "fleet"))};
    json_array_foreach(json_object_get(shared, "servers"), index, server)
    {
        const char *host = json_string_value(json_object_get(server, "host"));
        if (host == NULL || out->post.server_count == STORE_SERVER_MAX) continue;
        out->servers[out->post.server_count++] = (struct store_server){
            .host = host,
            .port = (uint16_t)json_integer_value(json_object_get(server, "port")),
            .database = (uint32_t)json_integer_value(json_object_get(server, "database")),
            .user = text_or_environment(arguments->redis_user, REDIS_USER_ENVIRONMENT),
            .password_file = text_or_environment(arguments->redis_password_file, REDIS_PASSWORD_FILE_ENVIRONMENT),
        };
    }
    out->post.servers = out->servers;
    out->post.key_file = arguments->key_file;
    if (out->post.key_file == NULL) out->post.key_file = json_string_value(json_object_get(shared, "key_file"));
    return out->post.fleet != NULL && out->post.server_count > 0;
}

static json_t *receipts_json(const struct fleet *fleet)
{
    json_t *list = json_array();
    for (size_t i = 0; i < fleet->post.server_count; i++) {
        const struct order_receipt *receipt = &fleet->receipts[i];
        json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "address", receipt->address, "taken",
                                              (int)(receipt->status == OK), "error",
                                              receipt->error[0] != '\0' ? json_string(receipt->error) : json_null()));
    }
    return list;
}

/* Each server that did not take it, or not all of it. */
static void complain_of_servers(const struct errand *errand, const struct fleet *fleet)
{
    struct paper paper = {.out = errand->err};
    for (size_t i = 0; i < fleet->post.server_count; i++) {
        const struct order_receipt *receipt = &fleet->receipts[i];
        if (receipt->error[0] == '\0') continue;
        fprintf(errand->err, "meridian: %s: ", receipt->address);
        paper_put(&paper, STYLE_PLAIN, receipt->error);
        fputc('\n', errand->err);
    }
}

/* Sign with the operator's name. Newer than `before` (NULL: none) of the same operator, whatever the clock says. */
static void sign(struct fact *fact, const char *author, const struct fact *before)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    fact->kind = FACT_ORDER;
    fact->at_ms = SNAPSHOT_UNKNOWN;
    fact->epoch = now.tv_sec > 0 ? (uint64_t)now.tv_sec : 1;
    fact->sequence = (uint64_t)now.tv_nsec + 1;
    if (before != NULL && strcmp(before->writer, author) == 0 && !fact_newer(fact, before)) {
        fact->epoch = before->epoch;
        fact->sequence = before->sequence + 1;
    }
    snprintf(fact->writer, sizeof fact->writer, "%s", author);
}

/* The daemon's entry for the audit trail, as it judged; signed by the operator, who writes it down. */
static struct audit_entry entry_of(const json_t *page, const char *author)
{
    struct audit_entry entry = {.at_epoch_s = (int64_t)time(NULL)};
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get((json_t *)(uintptr_t)page, "audit"), key, value)
    {
        if (json_is_string(value)) audit_take_field(&entry, key, json_string_value(value), json_string_length(value));
    }
    audit_take_field(&entry, "by", author, strlen(author));
    audit_take_field(&entry, "who", author, strlen(author));
    return entry;
}

static int write_to_servers(const struct errand *errand, struct fleet *fleet, const struct fact *fact, json_t *page)
{
    char error[STORE_ERROR_MAX];
    struct audit_entry entry = entry_of(page, fact->writer);
    snprintf(entry.id, sizeof entry.id, "%s", fact->subject);
    enum status status = order_post_write(&fleet->post, fact, &entry, fleet->receipts, error);
    json_object_set_new(page, "servers", receipts_json(fleet));
    json_object_set_new(page, "given", json_boolean(status == OK));
    complain_of_servers(errand, fleet);
    if (status == OK) return EXIT_WELL;
    fprintf(errand->err, "meridian: %s\n", error);
    return EXIT_UNREACHABLE;
}

/* ---- giving ---- */

static void print_result(const struct errand *errand, const json_t *page)
{
    if (errand->arguments->json) {
        json_dumpf(page, errand->paper.out, JSON_INDENT(2));
        fputc('\n', errand->paper.out);
    } else {
        page_order(&errand->paper, page);
    }
}

static int run_give(const struct errand *errand)
{
    char author[FACT_NAME_MAX];
    struct fact fact = {.kind = FACT_ORDER, .ttl_ms = errand->arguments->for_ms};
    json_t *page = NULL;
    struct fleet fleet;
    int result = find_author(errand, author);
    if (result != EXIT_WELL) return result;
    if (!fill_order(errand->arguments, &fact.order)) {
        fprintf(errand->err, "meridian: a name or the reason is too long\n");
        return EXIT_USAGE;
    }
    char *body = order_body(&fact.order, author);
    result = post(errand, "/orders?check=1", body, &page);
    if (result == EXIT_WELL && find_fleet(errand->arguments, page, &fleet)) {
        snprintf(fact.subject, sizeof fact.subject, "%s", page_text(page, "id"));
        fact.order.overrides = page_true(page, "overridden");
        sign(&fact, author, NULL);
        result = write_to_servers(errand, &fleet, &fact, page);
    } else if (result == EXIT_WELL) {
        json_decref(page);
        page = NULL;
        result = post(errand, "/orders", body, &page);
    }
    if (result == EXIT_WELL) print_result(errand, page);
    json_decref(page);
    free(body);
    return result;
}

/* ---- cancelling ---- */

static int cancel_on_servers(const struct errand *errand, struct fleet *fleet, const char *id, const char *author,
                             json_t *page)
{
    char error[STORE_ERROR_MAX];
    struct fact before;
    enum status status = order_post_read(&fleet->post, id, &before, fleet->receipts, error);
    if (status != OK) {
        complain_of_servers(errand, fleet);
        fprintf(errand->err, "meridian: %s\n", error);
        return status == ERR_NOT_FOUND ? EXIT_REFUSED : EXIT_UNREACHABLE;
    }
    double remaining_s = 0;
    struct fact fact = before;
    fact.order.cancelled = true;
    if (page_number(page, "remaining_s", &remaining_s) && remaining_s > 0 && remaining_s * 1000 < fact.ttl_ms)
        fact.ttl_ms = (uint32_t)(remaining_s * 1000) + 1;
    sign(&fact, author, &before);
    return write_to_servers(errand, fleet, &fact, page);
}

static int cancel_one(const struct errand *errand, const char *id, const char *author)
{
    const char *reason = errand->arguments->reason != NULL ? errand->arguments->reason : "cancelled by hand";
    struct fleet fleet;
    json_t *page = NULL;
    char *body = cancel_body(id, author, reason);
    int result = post(errand, "/orders/cancel?check=1", body, &page);
    if (result == EXIT_WELL && find_fleet(errand->arguments, page, &fleet)) {
        result = cancel_on_servers(errand, &fleet, id, author, page);
    } else if (result == EXIT_WELL) {
        json_decref(page);
        page = NULL;
        result = post(errand, "/orders/cancel", body, &page);
    }
    if (result == EXIT_WELL) print_result(errand, page);
    json_decref(page);
    free(body);
    return result;
}

/* Is it a drain in force of what the operator named? */
static bool is_drain_of(const struct arguments *arguments, const json_t *order)
{
    const char *service = arguments->service;
    const char *verb = order_verb_name(arguments->pop != NULL ? ORDER_DRAIN_POP : ORDER_DRAIN);
    return strcmp(page_text(order, "verb"), verb) == 0 && strcmp(page_text(order, "state"), "in force") == 0 &&
           strcmp(page_text(order, "target"), arguments->operand) == 0 &&
           (service == NULL || strcmp(page_text(order, "service"), service) == 0);
}

static int run_cancel(const struct errand *errand)
{
    char author[FACT_NAME_MAX];
    int result = find_author(errand, author);
    if (result != EXIT_WELL) return result;
    if (errand->arguments->command == COMMAND_CANCEL) return cancel_one(errand, errand->arguments->operand, author);
    json_t *page = NULL;
    size_t index, found = 0;
    const json_t *order;
    result = get(errand, "/orders", &page);
    json_array_foreach(json_object_get(page, "orders"), index, order)
    {
        if (result != EXIT_WELL) break;
        if (!is_drain_of(errand->arguments, order)) continue;
        found++;
        result = cancel_one(errand, page_text(order, "id"), author);
    }
    if (result == EXIT_WELL && found == 0) {
        fprintf(errand->err, "meridian: no drain of %s is in force\n", errand->arguments->operand);
        result = EXIT_REFUSED;
    }
    json_decref(page);
    return result;
}

/* ---- looking ---- */

static int run_orders(const struct errand *errand)
{
    json_t *page = NULL;
    int result = get(errand, "/orders", &page);
    if (result == EXIT_WELL && errand->arguments->json) {
        json_dumpf(page, errand->paper.out, JSON_INDENT(2));
        fputc('\n', errand->paper.out);
    } else if (result == EXIT_WELL) {
        page_orders(&errand->paper, page);
    }
    json_decref(page);
    return result;
}

/* Entries as they come; JSON one a line, for `--follow | jq`. */
static void print_entry(const struct errand *errand, const json_t *entry)
{
    if (errand->arguments->json) {
        json_dumpf(entry, errand->paper.out, JSON_COMPACT);
        fputc('\n', errand->paper.out);
    } else {
        page_audit(&errand->paper, entry);
    }
}

static void print_read(void *context, const char *id, const struct audit_entry *entry)
{
    const struct errand *errand = context;
    const char *pairs[2 * AUDIT_FIELD_COUNT];
    char at[32] = "-";
    time_t seconds = (time_t)entry->at_epoch_s;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) != NULL) strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_t *object = json_pack("{s:s, s:s}", "at", at, "entry", id);
    audit_fields(entry, pairs);
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        json_object_set_new(object, pairs[2 * i],
                            pairs[2 * i + 1][0] != '\0' ? json_string(pairs[2 * i + 1]) : json_null());
    print_entry(errand, object);
    json_decref(object);
}

static int look_at_servers(const struct errand *errand, struct fleet *fleet, char since[AUDIT_ID_MAX], size_t limit)
{
    char error[STORE_ERROR_MAX];
    enum status status =
        order_post_audit(&fleet->post, since, limit, (void *)(uintptr_t)errand, print_read, fleet->receipts, error);
    if (status == OK) return EXIT_WELL;
    complain_of_servers(errand, fleet);
    fprintf(errand->err, "meridian: %s\n", error);
    return EXIT_UNREACHABLE;
}

/* What the daemon itself wrote down. */
static int look_at_daemon(const struct errand *errand, uint64_t *since, size_t limit, json_t **page)
{
    char path[128];
    size_t index;
    const json_t *entry;
    snprintf(path, sizeof path, "/audit?since=%llu&limit=%zu", (unsigned long long)*since, limit);
    int result = get(errand, path, page);
    if (result != EXIT_WELL) return result;
    json_array_foreach(json_object_get(*page, "entries"), index, entry)
    {
        *since = (uint64_t)json_integer_value(json_object_get(entry, "number"));
        if (json_object_get(*page, "shared") == NULL) print_entry(errand, entry);
    }
    return EXIT_WELL;
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static int run_audit(const struct errand *errand)
{
    const struct arguments *arguments = errand->arguments;
    size_t limit = arguments->limit < 0                ? 100
                   : arguments->limit > AUDIT_RING_MAX ? AUDIT_RING_MAX
                                                       : (size_t)arguments->limit;
    char id[AUDIT_ID_MAX] = "";
    uint64_t number = 0;
    struct fleet fleet;
    json_t *page = NULL;
    int result = look_at_daemon(errand, &number, limit, &page);
    bool shared = result == EXIT_WELL && find_fleet(arguments, page, &fleet);
    if (shared) result = look_at_servers(errand, &fleet, id, limit);
    fflush(errand->paper.out);
    while (arguments->follow && result == EXIT_WELL) { /* until interrupted, or until nobody answers */
        json_t *next = NULL;
        pause_ms(AUDIT_FOLLOW_MS);
        result = shared ? look_at_servers(errand, &fleet, id, AUDIT_RING_MAX)
                        : look_at_daemon(errand, &number, AUDIT_RING_MAX, &next);
        json_decref(next);
        fflush(errand->paper.out);
    }
    json_decref(page);
    return result;
}

int order_command_run(const struct errand *errand)
{
    switch (errand->arguments->command) {
    case COMMAND_ORDERS: return run_orders(errand);
    case COMMAND_AUDIT: return run_audit(errand);
    case COMMAND_UNDRAIN:
    case COMMAND_CANCEL: return run_cancel(errand);
    default: return run_give(errand);
    }
}
