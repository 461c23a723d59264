-- compatible from: 0031 (older versions take the events of a return for a status)
-- Events of returns stand on the forward shipment's timeline, ClickPost's own words beside codes that nobody published,
-- and shipments of several pieces say when one of those was lost, damaged or sent back.
ALTER TABLE scans ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE scans ADD COLUMN ndr_words TEXT NOT NULL DEFAULT '';
ALTER TABLE scans ADD COLUMN return_event TEXT;
ALTER TABLE shipments ADD COLUMN status_words TEXT;
ALTER TABLE shipments ADD COLUMN ndr_words TEXT;
ALTER TABLE shipments ADD COLUMN piece_exception_at TIMESTAMPTZ;
CREATE INDEX shipments_piece_exceptions ON shipments (piece_exception_at, reference_number)
  WHERE piece_exception_at IS NOT NULL;
