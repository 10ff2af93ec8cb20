/* menu_text.h - a menu as numbered text: what is sent where the provider has no menus, and the
 * message's content in every case. Pure.
 */
#ifndef GH_GATEWAY_MENU_TEXT_H
#define GH_GATEWAY_MENU_TEXT_H

#include "model/message_payload.h"

/* Text, sections and numbered choices, footer; in a. */
struct slice menu_text(const struct message_menu *m, struct arena *a);

#endif
