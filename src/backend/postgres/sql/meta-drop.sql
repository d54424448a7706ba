DELETE FROM :meta m WHERE m.name = $1
