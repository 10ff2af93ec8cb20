/* uazapi_absent.c - what UAZAPI has and GrowHub has not (contracts/uazapi.md sections 4 to 6 and
 * 16): answered 501, so that a client sees that it is the call that is missing, not the path.
 */
#include "gateway.h"

static void
absent(struct gw_req *req)
{
	gw_error(req, GW_E_NOT_SUPPORTED, req->route->doc.text);
}

#define ABSENT(id, line, section)                                                                  \
	GW_DOC(id, "UAZAPI", line,                                                                 \
	       .text = "GrowHub has no such call, whoever holds the number (UAZAPI's contract, "   \
		       "section " section "): always 501",                                         \
	       .errors = GW_ERR(NOT_SUPPORTED))

/* No flag says that there is a body: whatever it is, it is not looked at. */
static const struct gw_route routes[] = {
	{HTTP_POST, "/chat/find", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiChats", "List chats", "16.2")},
	{HTTP_POST, "/chat/archive", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiArchiveChat", "Archive a chat", "16.2")},
	{HTTP_POST, "/chat/read", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiReadChat", "Mark a chat as read", "16.2")},
	{HTTP_POST, "/chat/mute", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiMuteChat", "Mute a chat", "16.2")},
	{HTTP_POST, "/chat/pin", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiPinChat", "Pin a chat", "16.2")},
	{HTTP_POST, "/chat/delete", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiDeleteChat", "Delete a chat", "16.2")},
	{HTTP_GET, "/chat/blocklist", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiBlocked", "List who is blocked", "16.1")},
	{HTTP_POST, "/profile/name", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiProfileName", "Change the account's name", "16.5")},
	{HTTP_POST, "/profile/image", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiProfileImage", "Change the account's picture", "16.5")},
	{HTTP_POST, "/send/status", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiSendStatus", "Send a status", "5")},
	{HTTP_POST, "/send/carousel", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiSendCarousel", "Send a carousel", "5")},
	{HTTP_POST, "/send/location-button", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiAskLocation", "Ask for a place", "5")},
	{HTTP_POST, "/send/request-payment", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiAskPayment", "Ask for a payment", "5")},
	{HTTP_POST, "/send/pix-button", GW_INSTANCE, 0, 0, absent,
	 ABSENT("uazapiSendPix", "Send a Pix button", "5")},
};

const struct gw_module uazapi_absent_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
};
