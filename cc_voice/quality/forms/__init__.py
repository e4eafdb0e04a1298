"""Forms: questions about a leg, their automatic answers, scores, and what people make of them. Pure."""
