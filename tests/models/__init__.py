"""Independent second opinions: written from the manuals alone, simple and slow, importing nothing of the product."""
