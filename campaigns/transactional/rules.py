"""Origins of transactional messages, by which they are found again."""

# Replies of the service desk; the occurrence is the id of the ticket's message.
REPLY_ORIGIN = "ticket:reply"
# The question how the customer liked the service, after a ticket is resolved.
SURVEY_ORIGIN = "survey:ticket"
# Messages that a storefront sends by an API call.
API_ORIGIN = "api"
