"""PDF documents: labels merged onto sheets, and hand-over manifests. Made in a process of its own, with limits."""
