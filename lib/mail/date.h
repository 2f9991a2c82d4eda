/*
 * date.h - dates as mail writes them: RFC 5322 3.3; and as logs do, RFC 3339.
 */
#ifndef LIB_MAIL_DATE_H
#define LIB_MAIL_DATE_H

#include "lib/base/buf.h"

void date_rfc5322(struct buf *, int64_t wall_ms); /* always +0000 */
void date_rfc3339(struct buf *, int64_t wall_ms); /* ...Z, with milliseconds */

#endif
