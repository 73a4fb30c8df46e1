"""Who gets what at every address: a table to be read.

Of one request: rita, a requester and reviewer, sent it; the editor changed what it asks, so that somebody else has to
approve that; the outsider belongs to a group that was not asked; the removed was a reviewer when the page was made.

`yes` it opens or does what it says · `sign-in` first · `no` refused in words · `hidden` as if it were not there ·
`never` for this method · a number: let in, and told what is wrong with the form or the moment.
"""

TABLE = """
way method anonymous disabled requester editor reviewer outsider removed operator superuser
"""
