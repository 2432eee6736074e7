// How Little CMS names the arrangement of samples: its own names are macros that Swift can't evaluate.
#ifndef COLOUR_FORMS_H
#define COLOUR_FORMS_H

#include <lcms2.h>

static const cmsUInt32Number COLOUR_FORM_RGB_8 = TYPE_RGB_8;
static const cmsUInt32Number COLOUR_FORM_GREY_8 = TYPE_GRAY_8;

#endif
