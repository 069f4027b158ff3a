"""Official documents from the case: a neutral model, forms that fill it, .docx and PDF drawn from it."""
