/* people.h - who is who in a set of facts: hidden ids are looked up and learned. (Helper of
 * plan.c, which notes all facts, has the keys looked up, then folds each fact.)
 */
#ifndef GH_EVENTD_PEOPLE_H
#define GH_EVENTD_PEOPLE_H

#include "model/contact_alias.h"
#include "model/inbound.h"
#include "provider/provider.h"

struct arena;
struct people;

/* fact_max: how many facts will be noted at most. */
struct people *people_new(struct arena *a, unsigned fact_max);

/* A fact that may name a person by hidden id. */
void people_note(struct people *p, const struct inbound_body *body, const struct provider_fact *f);

/* To be looked up with contact_alias_find_add; 0: none. */
unsigned people_keys(const struct people *p, const struct contact_alias **keys);
/* What was found; borrowed. */
void people_set_known(struct people *p, const struct contact_alias *rows, unsigned count);

/* Give a noted fact the number of its person where only the hidden id was told; remember what it
 * tells and was not known. own_number may be absent. */
void people_fold(struct people *p, const struct inbound_body *body, struct slice own_number,
		 struct provider_fact *f);

/* Add what was learned to the applying unit. */
void people_add(const struct people *p, struct db_unit *u);

#endif
