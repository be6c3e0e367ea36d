"""How it is known that the webhook answers: it refuses a change that nobody wants to make.

The operator asks, by dry run, to change this ConfigMap; only the webhook, reached as the API server
reaches it for every review, refuses that with these words.
"""

NAME = "curfew-webhook-probe"
ANSWER = "curfew's webhook answers: this change is refused to show that it does"
