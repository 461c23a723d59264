"""Failed calls kept and archived, daily reports, evidence."""
