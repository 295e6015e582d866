# generate.cmake - sources of geo/ that are made from its data: sets GEO_GENERATED.
# SPDX-License-Identifier: Apache-2.0
set(GEO_GENERATED ${CMAKE_BINARY_DIR}/generated/geo/country_tables.c)
add_custom_command(
  OUTPUT ${GEO_GENERATED}
  COMMAND ${CMAKE_COMMAND} -D POINTS=${CMAKE_SOURCE_DIR}/geo/data/country_coordinates.csv
          -D CONTINENTS=${CMAKE_SOURCE_DIR}/geo/data/country_continents.csv -D OUTPUT=${GEO_GENERATED}
          -P ${CMAKE_SOURCE_DIR}/geo/country_tables.cmake
  DEPENDS geo/data/country_coordinates.csv geo/data/country_continents.csv geo/country_tables.cmake
  COMMENT "Country tables"
  VERBATIM)
