"""What /openapi.json states beyond the routes: problems, the bodies of orders, and samples of code."""
