#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "opencv.h"

// What an OpenCV program keeps from frame to frame.
struct opencv {
	int w, h, ow, oh;
	bool floats;
	int filter;
	cv::Mat merged, bytes, scaled;
	std::vector<unsigned char> out;
	std::vector<int> options;
	cv::Mat background, composed, above, below; // of pasting; above and below are the weights of a mask
	cv::Rect rect;
};

opencv *opencv_new(int w, int h, int ow, int oh, int floats, int area, int quality) {
	cv::setNumThreads(0); // one frame on one thread, as all rivals do it
	return new opencv{w, h, ow, oh, floats != 0, area ? cv::INTER_AREA : cv::INTER_LINEAR, {}, {}, {}, {}, {cv::IMWRITE_JPEG_QUALITY, quality}, {}, {}, {}, {}, {}};
}

void opencv_paste(opencv *o, const void *background, int w, int h, int x, int y, const void *mask) {
	o->background = cv::Mat(h, w, CV_8UC3, const_cast<void *>(background)).clone();
	o->composed = o->background.clone();
	o->rect = cv::Rect(x, y, o->ow, o->oh);
	if (!mask) return;
	cv::Mat(o->oh, o->ow, CV_8U, const_cast<void *>(mask)).convertTo(o->above, CV_32F, 1 / 255.0);
	o->below = 1 - o->above;
}

void opencv_free(opencv *o) { delete o; }

const char *opencv_version(void) { return CV_VERSION; }

long opencv_encode(opencv *o, const void *src, const unsigned char **out) {
	try {
		cv::Mat in;
		if (o->floats) {
			float *p = const_cast<float *>(static_cast<const float *>(src));
			size_t n = size_t(o->w) * o->h;
			cv::Mat planes[3] = {cv::Mat(o->h, o->w, CV_32F, p), cv::Mat(o->h, o->w, CV_32F, p + n), cv::Mat(o->h, o->w, CV_32F, p + 2 * n)};
			cv::merge(planes, 3, o->merged);
			o->merged.convertTo(o->bytes, CV_8U, 255);
			in = o->bytes;
		} else {
			in = cv::Mat(o->h, o->w, CV_8UC3, const_cast<void *>(src));
		}
		if (o->w != o->ow || o->h != o->oh) {
			cv::resize(in, o->scaled, cv::Size(o->ow, o->oh), 0, 0, o->filter);
			in = o->scaled;
		}
		if (!o->background.empty()) {
			cv::Mat part = o->composed(o->rect);
			if (o->above.empty())
				in.copyTo(part);
			else
				cv::blendLinear(in, o->background(o->rect), o->above, o->below, part);
			in = o->composed;
		}
		if (!cv::imencode(".jpg", in, o->out, o->options)) return -1;
	} catch (const cv::Exception &) {
		return -1;
	}
	*out = o->out.data();
	return long(o->out.size());
}
