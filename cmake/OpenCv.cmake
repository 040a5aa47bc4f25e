# pollbus::opencv: the modules that src/pedestrian uses, where they are installed. Debian's CMake and
# pkg-config files for OpenCV come only with libopencv-dev, which brings all modules along, so they
# are looked for one by one. Its module for image files is not used (src/pedestrian/image_codec.h).
# Leaves POLLBUS_OPENCV_FOUND.
find_path(POLLBUS_OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4)
find_path(POLLBUS_OPENCV_CONFIG_INCLUDE opencv2/cvconfig.h
  PATHS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE} PATH_SUFFIXES opencv4)
set(POLLBUS_OPENCV_FOUND ${POLLBUS_OPENCV_INCLUDE})
set(opencv_libraries)
foreach(module core imgproc dnn)
  find_library(POLLBUS_OPENCV_${module} opencv_${module})
  find_path(POLLBUS_OPENCV_${module}_INCLUDE opencv2/${module}.hpp PATH_SUFFIXES opencv4)
  if(POLLBUS_OPENCV_${module} AND POLLBUS_OPENCV_${module}_INCLUDE)
    list(APPEND opencv_libraries ${POLLBUS_OPENCV_${module}})
  else()
    set(POLLBUS_OPENCV_FOUND FALSE)
  endif()
endforeach()

if(POLLBUS_OPENCV_FOUND)
  add_library(pollbus_opencv INTERFACE)
  add_library(pollbus::opencv ALIAS pollbus_opencv)
  target_include_directories(pollbus_opencv SYSTEM INTERFACE ${POLLBUS_OPENCV_INCLUDE})
  if(POLLBUS_OPENCV_CONFIG_INCLUDE)
    target_include_directories(pollbus_opencv SYSTEM INTERFACE ${POLLBUS_OPENCV_CONFIG_INCLUDE})
  endif()
  target_link_libraries(pollbus_opencv INTERFACE ${opencv_libraries})
endif()
