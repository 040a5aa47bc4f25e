# pollbus_embed(<out> <function> <folder>): compiles the text files of a folder into the program. Sets
# <out> to a generated source file with the function `std::span<const pollbus::web::Asset> <function>()`,
# which src/web/asset.h explains. A file "kiosk.css" of the folder becomes the asset "/kiosk.css".
function(pollbus_embed out function folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*)
  list(SORT files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(assets)
  list(LENGTH files count)
  foreach(file ${files})
    file(RELATIVE_PATH path ${folder} ${file})
    file(READ ${file} text)
    file(SHA256 ${file} hash)
    string(SUBSTRING ${hash} 0 16 hash)
    string(APPEND assets "    {\"/${path}\", \"\\\"${hash}\\\"\", R\"embedded(${text})embedded\"},\n")
  endforeach()
  set(POLLBUS_EMBED_FUNCTION ${function})
  set(POLLBUS_EMBED_COUNT ${count})
  set(POLLBUS_EMBED_ASSETS "${assets}")
  configure_file(${CMAKE_SOURCE_DIR}/cmake/embedded_assets.cc.in
                 ${CMAKE_CURRENT_BINARY_DIR}/${function}.cc @ONLY)
  set(${out} ${CMAKE_CURRENT_BINARY_DIR}/${function}.cc PARENT_SCOPE)
endfunction()
