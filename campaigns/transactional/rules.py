"""Origins of transactional messages, by which they are found again."""

# Replies of the service desk; the occurrence is the id of the ticket's message.
REPLY_ORIGIN = "ticket:reply"
