/* order_page.h - orders and the audit trail as JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Home thread: the control thread. */
#ifndef MERIDIAN_ORDER_PAGE_H
#define MERIDIAN_ORDER_PAGE_H

#include <jansson.h>

#include "dnsd/admin/route.h"
#include "dnsd/control/control.h"

/* Each returns a new reference, NULL when memory ran out. */
/* {"orders": [...]}: every id that has not ended. */
json_t *order_page_list(const struct control *control);
/* An order or a cancellation that was judged, and given when that was the intent. */
json_t *order_page_judgement(const struct control *control, const struct control_order *order);
/* {"newest": N, "entries": [...]}: what this PoP wrote down since entry N. */
json_t *order_page_audit(const struct control *control, const struct audit_question *question);

#endif
