"""What every answer and request shares: codes, failures, loose reading of JSON, times, masking, requests as values."""
