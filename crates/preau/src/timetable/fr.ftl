# Emploi du temps
timetable-room = salle { $room }
timetable-stands-in = { $substitute } remplace { $usual }
timetable-modified = Cours modifié
timetable-exceptional = Cours exceptionnel
