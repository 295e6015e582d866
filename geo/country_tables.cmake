# country_tables.cmake - writes the country tables of geo/data as C (cmake -P, see generate.cmake).
# SPDX-License-Identifier: Apache-2.0
#
# POINTS: country,name,latitude,longitude,radius_km,...   CONTINENTS: country,continent   both ascending by country.
# A row that does not look like that stops the build: nothing is skipped in silence.
cmake_minimum_required(VERSION 3.25)

set(continent_rows "")
set(before "")
file(STRINGS ${CONTINENTS} lines ENCODING UTF-8)
list(POP_FRONT lines)
foreach(line IN LISTS lines)
  if(NOT line MATCHES "^([A-Z][A-Z]),(AF|AN|AS|EU|NA|OC|SA)$" OR NOT CMAKE_MATCH_1 STRGREATER before)
    message(FATAL_ERROR "${CONTINENTS}: '${line}': expected COUNTRY,CONTINENT, ascending by country")
  endif()
  set(before ${CMAKE_MATCH_1})
  set(continent_of_${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
  string(APPEND continent_rows "    {\"${CMAKE_MATCH_1}\", \"${CMAKE_MATCH_2}\"},\n")
endforeach()

set(country_rows "")
set(before "")
set(number "-?[0-9]+\\.[0-9]+")
file(STRINGS ${POINTS} lines ENCODING UTF-8)
list(POP_FRONT lines)
foreach(line IN LISTS lines)
  if(NOT line MATCHES "^([A-Z][A-Z]),([^,\"\\]+),(${number}),(${number}),([0-9]+),"
     OR NOT CMAKE_MATCH_1 STRGREATER before)
    message(FATAL_ERROR "${POINTS}: '${line}': expected COUNTRY,NAME,LATITUDE,LONGITUDE,RADIUS, ascending by country")
  endif()
  set(before ${CMAKE_MATCH_1})
  if(NOT DEFINED continent_of_${CMAKE_MATCH_1})
    message(FATAL_ERROR "${CONTINENTS}: no continent for ${CMAKE_MATCH_1}")
  endif()
  string(APPEND country_rows "    {\"${CMAKE_MATCH_1}\", \"${continent_of_${CMAKE_MATCH_1}}\", \"${CMAKE_MATCH_2}\", "
         "{${CMAKE_MATCH_3}, ${CMAKE_MATCH_4}}, ${CMAKE_MATCH_5}},\n")
endforeach()

file(WRITE ${OUTPUT} "/* Written by geo/country_tables.cmake from geo/data; do not edit. */
#include \"geo/country_tables.h\"

const struct country country_table[] = {
${country_rows}};
const size_t country_table_count = sizeof country_table / sizeof country_table[0];

const struct country_continent country_continent_table[] = {
${continent_rows}};
const size_t country_continent_table_count = sizeof country_continent_table / sizeof country_continent_table[0];
")
